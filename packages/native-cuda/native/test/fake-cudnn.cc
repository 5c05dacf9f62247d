// A stand-in library for the loader's test: the right names, a version of the test's choice, nothing behind them.
#include <cstddef>
#include <cstdlib>

#define EXPORT extern "C" __attribute__((visibility("default")))
EXPORT size_t cudnnGetVersion() {
  const char* const version = std::getenv("FAKE_CUDNN_VERSION");
  return version ? static_cast<size_t>(std::atol(version)) : 91900;
}
EXPORT size_t cudnnGetCudartVersion() { return 13000; }
EXPORT const char* cudnnGetErrorString(int) { return "fake"; }
#define FAKE(name) \
  EXPORT int cudnn##name() { return 0; }
FAKE(Create) FAKE(Destroy) FAKE(SetStream) FAKE(CreateTensorDescriptor) FAKE(DestroyTensorDescriptor) FAKE(SetTensorNdDescriptor)
FAKE(CreateFilterDescriptor) FAKE(DestroyFilterDescriptor) FAKE(SetFilterNdDescriptor) FAKE(CreateConvolutionDescriptor)
FAKE(DestroyConvolutionDescriptor) FAKE(SetConvolutionNdDescriptor) FAKE(SetConvolutionMathType)
FAKE(GetConvolutionForwardWorkspaceSize) FAKE(GetConvolutionBackwardDataWorkspaceSize) FAKE(GetConvolutionBackwardFilterWorkspaceSize)
FAKE(ConvolutionForward) FAKE(ConvolutionBackwardData)
#ifndef FAKE_INCOMPLETE
FAKE(ConvolutionBackwardFilter)
#endif
