/**
 * Errors of the plan executor. Every one carries a stable code that the JavaScript side turns into its own class; the
 * message names the operation and its shapes. Nothing here ends the process.
 */
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace revoxel {

struct Error : std::runtime_error {
  Error(const char* errorCode, const std::string& message) : std::runtime_error(message), code(errorCode) {}
  /** `ERR_...`, the same words as the runtime's error classes. */
  const char* code;
};

struct OutOfMemory : Error {
  OutOfMemory(int64_t needed, int64_t available, const std::string& message)
      : Error("ERR_OUT_OF_MEMORY", message), neededBytes(needed), availableBytes(available) {}
  int64_t neededBytes;
  int64_t availableBytes;
};

struct Aborted : Error {
  Aborted() : Error("ERR_ABORTED", "the run was aborted between two kernels; outputs are undefined") {}
};

/** A reversible sequence did not rebuild its input. Its name is added where the call is known. */
struct ChecksumMismatch : Error {
  explicit ChecksumMismatch(const std::string& name = "")
      : Error("ERR_CHECKSUM", "\"" + name + "\": the rebuilt input differs from the original"), sequence(name) {}
  std::string sequence;
};

}  // namespace revoxel
