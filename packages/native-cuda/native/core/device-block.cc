#include "device-block.h"

#include <string>

#include "check.h"
#include "device.h"

namespace revoxel {

namespace {

std::atomic<int64_t> live{0};

std::string mebibytes(int64_t bytes) { return std::to_string(bytes / 1048576) + " MiB"; }

}  // namespace

bool DeviceBlock::grow(int64_t bytes, bool keep, cudaStream_t stream) {
  if (bytes <= bytes_) return false;
  if (!keep) release();
  void* fresh = nullptr;
  const cudaError_t code = cudaMalloc(&fresh, static_cast<size_t>(bytes));
  if (code == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    const int64_t free = freeDeviceBytes();
    throw OutOfMemory(bytes, free, std::string(what_) + " need " + mebibytes(bytes) + " of device memory in one piece, " + mebibytes(free) + " are free");
  }
  check(code, std::string("cudaMalloc of ") + what_);
  char* const data = static_cast<char*>(fresh);
  const int64_t kept = keep ? bytes_.load() : 0;
  try {
    if (kept > 0) check(cudaMemcpyAsync(data, data_, static_cast<size_t>(kept), cudaMemcpyDeviceToDevice, stream), std::string("moving ") + what_);
    check(cudaStreamSynchronize(stream), std::string("moving ") + what_);
  } catch (const Error&) {
    (void)cudaFree(fresh);
    throw;
  }
  release();
  data_ = data;
  bytes_ = bytes;
  live += bytes;
  return true;
}

void DeviceBlock::release() {
  if (!data_) return;
  // After a sticky error this fails too; the context takes its memory along.
  (void)cudaFree(data_);
  live -= bytes_;
  data_ = nullptr;
  bytes_ = 0;
}

int64_t liveDeviceBytes() { return live; }

}  // namespace revoxel
