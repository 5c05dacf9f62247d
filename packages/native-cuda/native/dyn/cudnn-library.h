/**
 * cuDNN 9 without its headers: the few entry points and constants that are used, declared here, found at run time. Never
 * linked: one build serves machines with and without it. cudnn-abi-check.cc compares every line with the real header
 * wherever one is installed.
 */
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace revoxel::cudnn {

using Status = int;
using Handle = void*;
using Descriptor = void*;

enum DataType { dataFloat = 0, dataHalf = 2, dataBfloat16 = 9 };
enum Format { formatNchw = 0, formatNhwc = 1 };
enum Mode { modeCrossCorrelation = 1 };
enum Math { mathTensorOp = 1, mathFma = 3 };
enum Algorithm { forwardImplicitPrecompGemm = 1, backwardDeterministic = 1 };

/** Statuses come in thousands since 9.0: 3xxx are all "not supported", and another kernel is taken. */
constexpr Status statusNotSupported = 3000;
inline bool isNotSupported(Status status) { return status / 1000 == 3; }

#define REVOXEL_CUDNN_SYMBOLS(X)                                                                                                                            \
  X(size_t, GetVersion, (void)) X(size_t, GetCudartVersion, (void)) X(const char*, GetErrorString, (Status))                                                 \
  X(Status, Create, (Handle*)) X(Status, Destroy, (Handle)) X(Status, SetStream, (Handle, void*))                                                            \
  X(Status, CreateTensorDescriptor, (Descriptor*)) X(Status, DestroyTensorDescriptor, (Descriptor))                                                          \
  X(Status, SetTensorNdDescriptor, (Descriptor, int, int, const int*, const int*))                                                                           \
  X(Status, CreateFilterDescriptor, (Descriptor*)) X(Status, DestroyFilterDescriptor, (Descriptor))                                                          \
  X(Status, SetFilterNdDescriptor, (Descriptor, int, int, int, const int*))                                                                                  \
  X(Status, CreateConvolutionDescriptor, (Descriptor*)) X(Status, DestroyConvolutionDescriptor, (Descriptor))                                                \
  X(Status, SetConvolutionNdDescriptor, (Descriptor, int, const int*, const int*, const int*, int, int))                                                     \
  X(Status, SetConvolutionMathType, (Descriptor, int))                                                                                                       \
  X(Status, GetConvolutionForwardWorkspaceSize, (Handle, Descriptor, Descriptor, Descriptor, Descriptor, int, size_t*))                                      \
  X(Status, GetConvolutionBackwardDataWorkspaceSize, (Handle, Descriptor, Descriptor, Descriptor, Descriptor, int, size_t*))                                 \
  X(Status, GetConvolutionBackwardFilterWorkspaceSize, (Handle, Descriptor, Descriptor, Descriptor, Descriptor, int, size_t*))                               \
  X(Status, ConvolutionForward, (Handle, const void*, Descriptor, const void*, Descriptor, const void*, Descriptor, int, void*, size_t, const void*, Descriptor, void*))        \
  X(Status, ConvolutionBackwardData, (Handle, const void*, Descriptor, const void*, Descriptor, const void*, Descriptor, int, void*, size_t, const void*, Descriptor, void*))   \
  X(Status, ConvolutionBackwardFilter, (Handle, const void*, Descriptor, const void*, Descriptor, const void*, Descriptor, int, void*, size_t, const void*, Descriptor, void*))

/** The library as it was found. */
struct Library {
#define REVOXEL_CUDNN_MEMBER(result, name, parameters) result(*name) parameters = nullptr;
  REVOXEL_CUDNN_SYMBOLS(REVOXEL_CUDNN_MEMBER)
#undef REVOXEL_CUDNN_MEMBER
  void* handle = nullptr;
  /** 10000 major + 100 minor + patch. */
  size_t version = 0;
  std::string path;
  /** Why nothing was found, place by place. */
  std::string reason;

  bool found() const { return handle != nullptr; }
  /**
   * Whether 3D convolutions of a type may be sent to this release. fp16 and bf16 were wrong or very slow in 9.8 to 9.14
   * (pytorch issues 163539, 166122; PR 166480), TF32 in 9.10 to 9.15 (PR 167024).
   */
  bool usable3d(DataType type, bool tf32 = false) const;
};

/**
 * Loads from the first folder that holds a usable libcudnn.so.9; an empty name is the system's own search path.
 * @param cudaMajor CUDA version the library must be built for.
 */
Library load(const std::vector<std::string>& folders, int cudaMajor);

/** Where to look: REVOXEL_CUDNN_DIR (a list with colons), then the system. */
std::vector<std::string> defaultFolders();

}  // namespace revoxel::cudnn
