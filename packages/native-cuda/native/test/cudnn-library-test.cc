// The cuDNN loader against stand-in libraries: argv[1] holds good/ and incomplete/ with a libcudnn.so.9 each.
#include "../dyn/cudnn-library.h"

#include <cstdio>
#include <cstdlib>

using namespace revoxel::cudnn;

static int failures = 0;
static int checks = 0;
#define CHECK(condition)                                                \
  do {                                                                  \
    checks++;                                                           \
    if (!(condition)) {                                                 \
      failures++;                                                       \
      std::printf("failed, line %d: %s\n", __LINE__, #condition);       \
    }                                                                   \
  } while (0)

int main(int, char** argv) {
  const std::string base = argv[1], good = base + "/good";
  const Library absent = load({base + "/nowhere"}, 13);
  CHECK(!absent.found() && !absent.reason.empty() && !absent.usable3d(dataFloat));
  setenv("FAKE_CUDNN_VERSION", "91900", 1);
  const Library fine = load({base + "/nowhere", good}, 13);
  CHECK(fine.found() && fine.version == 91900 && fine.reason.empty() && fine.path == good + "/libcudnn.so.9");
  CHECK(fine.usable3d(dataBfloat16) && fine.usable3d(dataHalf) && fine.usable3d(dataFloat, true));
  setenv("FAKE_CUDNN_VERSION", "91002", 1);
  const Library bad = load({good}, 13);
  CHECK(bad.found() && !bad.usable3d(dataBfloat16) && !bad.usable3d(dataHalf) && bad.usable3d(dataFloat) && !bad.usable3d(dataFloat, true));
  setenv("FAKE_CUDNN_VERSION", "91500", 1);
  CHECK(load({good}, 13).usable3d(dataBfloat16) && !load({good}, 13).usable3d(dataFloat, true));
  setenv("FAKE_CUDNN_VERSION", "8907", 1);
  CHECK(!load({good}, 13).found());
  setenv("FAKE_CUDNN_VERSION", "91900", 1);
  CHECK(load({good}, 12).reason.find("CUDA 13") != std::string::npos);
  CHECK(load({base + "/incomplete"}, 13).reason.find("ConvolutionBackwardFilter") != std::string::npos);
  CHECK(isNotSupported(3007) && !isNotSupported(5000) && !isNotSupported(0));
  setenv("REVOXEL_CUDNN_DIR", "/a::/b", 1);
  CHECK((defaultFolders() == std::vector<std::string>{"/a", "/b", ""}));
  std::printf("%d checks, %d failures\n", checks, failures);
  return failures != 0;
}
