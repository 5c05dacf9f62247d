/**
 * Results of CUDA calls as errors. Out of memory is mended by whoever asked; errors that end the CUDA context are sticky:
 * nothing works after them in this process, and they say so.
 */
#pragma once

#include <plan-error.h>

#include <string>

#include "../port/runtime.h"

namespace revoxel {

/** The context is lost: every later call in this process fails. */
struct ContextLost : Error {
  explicit ContextLost(const std::string& message) : Error("ERR_CUDA_CONTEXT_LOST", message) {}
};

/**
 * Whether a result ends the context. Those that are refused before anything has run, and those of recording a graph, do
 * not; the list is of codes known to be harmless, so that an unknown one counts as a loss.
 */
inline bool isSticky(cudaError_t code) {
  switch (code) {
    case cudaSuccess:
    case cudaErrorMemoryAllocation:
    case cudaErrorInvalidValue:
    case cudaErrorInvalidConfiguration:
    case cudaErrorInvalidResourceHandle:
    case cudaErrorInvalidDevice:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorLaunchOutOfResources:
    case cudaErrorNotSupported:
    case cudaErrorNotReady:
    case cudaErrorDevicesUnavailable:
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorInvalidKernelImage:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorSystemNotReady:
      return false;
    default:
      // 900 to 909: stream capture.
      return code < cudaErrorStreamCaptureUnsupported || code > 909;
  }
}

/** Throws unless `code` is success. `what`: the call and its subject, for the message. */
inline void check(cudaError_t code, const std::string& what) {
  if (code == cudaSuccess) return;
  const std::string text = what + ": " + cudaGetErrorName(code) + " (" + cudaGetErrorString(code) + ")";
  // Reading it resets what is not sticky.
  (void)cudaGetLastError();
  if (isSticky(code)) throw ContextLost(text + "; the CUDA context is lost, start the process again (training goes on from its last checkpoint)");
  throw Error(code == cudaErrorMemoryAllocation ? "ERR_CUDA_OUT_OF_MEMORY" : "ERR_CUDA_LAUNCH", text);
}

}  // namespace revoxel
