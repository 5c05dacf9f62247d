/** Which devices there are, and in words why there is none. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace revoxel {

/** Facts of one device that kernels and plans count on. */
struct DeviceInfo {
  int index = 0;
  std::string name;
  /** Compute capability. */
  int major = 0, minor = 0;
  int multiprocessors = 0;
  /** Bytes in all. */
  int64_t memory = 0;
  /** Most dynamic shared memory a block may ask for, bytes. */
  int64_t sharedPerBlock = 0;
  int64_t l2 = 0;
};

struct Probe {
  /** Versions as 1000 major + 10 minor; 0: no driver. */
  int driver = 0, runtime = 0;
  /** Empty when devices can be used, else what is wrong, in one line. */
  std::string reason;
  /** What mends it. */
  std::string remedy;
  std::vector<DeviceInfo> devices;
  bool emulated = false;
};

/** Looks once, keeps the answer; never throws, loads no context. */
const Probe& probeDevices();

/** Free bytes of the device of the calling thread, or -1. */
int64_t freeDeviceBytes();

}  // namespace revoxel
