#include "device.h"

#include "../port/runtime.h"

namespace revoxel {

namespace {

#if !defined(REVOXEL_CUDA_EMULATED)

std::string versionText(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

Probe look() {
  Probe probe;
  cudaRuntimeGetVersion(&probe.runtime);
  cudaDriverGetVersion(&probe.driver);
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  (void)cudaGetLastError();
  if (code == cudaErrorNoDevice || (code == cudaSuccess && count == 0)) {
    probe.reason = "the NVIDIA driver finds no GPU";
    probe.remedy = "check nvidia-smi, and CUDA_VISIBLE_DEVICES if it is set";
  } else if (probe.driver == 0) {
    probe.reason = "no NVIDIA driver found (libcuda.so.1 is absent)";
    probe.remedy = "install the NVIDIA driver, R580 or newer, on a machine with an NVIDIA GPU";
  } else if (code == cudaErrorInsufficientDriver || probe.driver / 1000 < probe.runtime / 1000) {
    probe.reason = "the NVIDIA driver supports CUDA " + versionText(probe.driver) + ", this build needs " + versionText(probe.runtime);
    probe.remedy = "install a newer NVIDIA driver (R580 or newer for CUDA 13)";
  } else if (code != cudaSuccess) {
    probe.reason = std::string("CUDA says ") + cudaGetErrorName(code) + ": " + cudaGetErrorString(code);
    probe.remedy = "check nvidia-smi";
  }
  if (!probe.reason.empty()) return probe;
  for (int i = 0; i < count; i++) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    probe.devices.push_back({i, properties.name, properties.major, properties.minor, properties.multiProcessorCount, static_cast<int64_t>(properties.totalGlobalMem),
                             static_cast<int64_t>(properties.sharedMemPerBlockOptin), static_cast<int64_t>(properties.l2CacheSize)});
  }
  (void)cudaGetLastError();
  if (probe.devices.empty()) {
    probe.reason = "the NVIDIA driver tells nothing of its devices";
    probe.remedy = "check nvidia-smi";
  }
  return probe;
}

#else

Probe look() {
  Probe probe;
  probe.emulated = true;
  // Two devices, so that choosing one is tested; four multiprocessors, so that small cases are split among blocks.
  for (int i = 0; i < 2; i++) probe.devices.push_back({i, "emulated device", 9, 0, 4, int64_t{4} << 30, 227 << 10, int64_t{50} << 20});
  return probe;
}

#endif

}  // namespace

const Probe& probeDevices() {
  static const Probe probe = look();
  return probe;
}

int64_t freeDeviceBytes() {
  size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) {
    (void)cudaGetLastError();
    return -1;
  }
  return static_cast<int64_t>(free);
}

}  // namespace revoxel
