#include "cudnn-library.h"

#include <dlfcn.h>
#include <glob.h>

#include <cstdlib>
#include <sstream>
#include <type_traits>

namespace revoxel::cudnn {

namespace {

std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> list;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) list.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return list;
}

/** Opens what a wheel's cuDNN opens late and by bare name, so that it gets the copies next to it. */
void openNeighbours(const std::string& folder, const std::string& major) {
  const std::string root = folder + "/../../";
  for (const auto& file : {root + "cu" + major + "/lib/libcublasLt.so." + major, root + "cublas/lib/libcublasLt.so." + major, root + "cu" + major + "/lib/libnvrtc.so." + major, root + "cuda_nvrtc/lib/libnvrtc.so." + major}) {
    (void)dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  }
}

}  // namespace

bool Library::usable3d(DataType type, bool tf32) const {
  if (!found()) return false;
  if ((type == dataHalf || type == dataBfloat16) && version >= 90800 && version < 91500) return false;
  return !(tf32 && version >= 91000 && version < 91600);
}

Library load(const std::vector<std::string>& folders, int cudaMajor) {
  Library library;
  const auto refuse = [&](const std::string& why) { library.reason += (library.reason.empty() ? "" : "; ") + why; };
  for (const std::string& folder : folders) {
    const std::string file = folder.empty() ? "libcudnn.so.9" : folder + "/libcudnn.so.9";
    if (!folder.empty()) openNeighbours(folder, std::to_string(cudaMajor));
    void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (!handle) {
      refuse(dlerror());
      continue;
    }
    // All parts of one version, or a late load may pick up another.
    if (!folder.empty()) {
      for (const auto& part : matches(folder + "/libcudnn_*.so.9")) (void)dlopen(part.c_str(), RTLD_NOW | RTLD_GLOBAL);
    }
    const char* missing = nullptr;
#define REVOXEL_CUDNN_FIND(result, name, parameters)                                          \
  library.name = reinterpret_cast<result(*) parameters>(dlsym(handle, "cudnn" #name)); \
  if (!library.name) missing = "cudnn" #name;
    REVOXEL_CUDNN_SYMBOLS(REVOXEL_CUDNN_FIND)
#undef REVOXEL_CUDNN_FIND
    if (missing) {
      refuse(file + " lacks " + missing);
    } else if (const size_t version = library.GetVersion(); version / 10000 != 9) {
      refuse(file + " has version " + std::to_string(version) + ", not 9.x");
    } else if (const size_t built = library.GetCudartVersion() / 1000; static_cast<int>(built) != cudaMajor) {
      refuse(file + " is built for CUDA " + std::to_string(built));
    } else {
      library.handle = handle;
      library.version = version;
      library.path = file;
      library.reason.clear();
      return library;
    }
    dlclose(handle);
  }
  return library;
}

std::vector<std::string> defaultFolders() {
  std::vector<std::string> folders;
  if (const char* const own = std::getenv("REVOXEL_CUDNN_DIR")) {
    std::istringstream list(own);
    for (std::string folder; std::getline(list, folder, ':');) {
      if (!folder.empty()) folders.push_back(folder);
    }
  }
  folders.push_back("");
  return folders;
}

}  // namespace revoxel::cudnn
