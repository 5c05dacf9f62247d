// Compiled only where cudnn.h is installed: does not compile when a declaration of cudnn-library.h is wrong.
#include <cudnn.h>

#include <type_traits>

#include "cudnn-library.h"

namespace revoxel::cudnn {

static_assert(dataFloat == static_cast<int>(CUDNN_DATA_FLOAT) && dataHalf == static_cast<int>(CUDNN_DATA_HALF) && dataBfloat16 == static_cast<int>(CUDNN_DATA_BFLOAT16), "data types");
static_assert(formatNchw == static_cast<int>(CUDNN_TENSOR_NCHW) && formatNhwc == static_cast<int>(CUDNN_TENSOR_NHWC), "formats");
static_assert(modeCrossCorrelation == static_cast<int>(CUDNN_CROSS_CORRELATION), "mode");
static_assert(mathTensorOp == static_cast<int>(CUDNN_TENSOR_OP_MATH) && mathFma == static_cast<int>(CUDNN_FMA_MATH), "math");
static_assert(forwardImplicitPrecompGemm == static_cast<int>(CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM), "forward algorithm");
static_assert(backwardDeterministic == static_cast<int>(CUDNN_CONVOLUTION_BWD_DATA_ALGO_1) && backwardDeterministic == static_cast<int>(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1), "backward algorithms");
static_assert(statusNotSupported == static_cast<int>(CUDNN_STATUS_NOT_SUPPORTED), "status");

// Same arity and same passing class for each argument: enumerations travel as int, descriptors as pointers.
template <class T>
using Passed = std::conditional_t<std::is_enum_v<T>, int, std::conditional_t<std::is_pointer_v<T>, void*, T>>;
template <class F>
struct Signature;
template <class R, class... A>
struct Signature<R(A...)> {
  using type = Passed<R>(Passed<A>...);
};
#define REVOXEL_CUDNN_COMPARE(result, name, parameters) \
  static_assert(std::is_same_v<Signature<result parameters>::type, Signature<std::remove_pointer_t<decltype(&::cudnn##name)>>::type>, #name);
REVOXEL_CUDNN_SYMBOLS(REVOXEL_CUDNN_COMPARE)
#undef REVOXEL_CUDNN_COMPARE

}  // namespace revoxel::cudnn
