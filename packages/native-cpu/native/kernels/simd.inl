// Vector types of 1, 4, 8 and 16 floats and the few operations the convolution kernels need.
// Not a stand-alone header: a translation unit defines REVOXEL_ISA_NAMESPACE, REVOXEL_ISA_LEVEL (0 portable,
// 1 AVX2 + FMA, 2 AVX-512), includes every standard header first, switches the compiler's target, then includes
// this. Everything lives in a namespace of that instruction set and nothing from the standard library is
// instantiated here: otherwise the linker could pick a wide instantiation for the portable path.

#define REVOXEL_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define REVOXEL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define REVOXEL_UNROLL _Pragma("GCC unroll 32")
#endif

namespace revoxel {
namespace REVOXEL_ISA_NAMESPACE {

template <int L>
struct VecOf {
  typedef float type __attribute__((vector_size(L * 4)));
  typedef uint32_t bits __attribute__((vector_size(L * 4)));
  typedef uint16_t half __attribute__((vector_size(L * 2)));
};
template <>
struct VecOf<1> {
  typedef float type;
};
template <int L>
using Vec = typename VecOf<L>::type;

REVOXEL_INLINE float widen(const float* p) { return *p; }
REVOXEL_INLINE float widen(const Bf16* p) { return bf16ToFloat(*p); }

template <int L>
REVOXEL_INLINE Vec<L> splat(float s) {
  if constexpr (L == 1) {
    return s;
#if REVOXEL_ISA_LEVEL == 2
  } else if constexpr (L == 16) {
    return (Vec<L>)_mm512_set1_ps(s);
#endif
#if REVOXEL_ISA_LEVEL >= 1
  } else if constexpr (L == 8) {
    return (Vec<L>)_mm256_set1_ps(s);
  } else if constexpr (L == 4) {
    return (Vec<L>)_mm_set1_ps(s);
#endif
  } else {
    return s - Vec<L>{};
  }
}

/** a * b + c, fused where the instruction set can (the compiler's contraction flag is not relied upon). */
template <int L>
REVOXEL_INLINE Vec<L> fma(Vec<L> a, Vec<L> b, Vec<L> c) {
#if REVOXEL_ISA_LEVEL == 2
  if constexpr (L == 16) return (Vec<L>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#endif
#if REVOXEL_ISA_LEVEL >= 1
  if constexpr (L == 8) return (Vec<L>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
  if constexpr (L == 4) return (Vec<L>)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#endif
#if defined(__aarch64__)
  if constexpr (L == 4) return (Vec<L>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#endif
  return a * b + c;
}

template <int L>
REVOXEL_INLINE Vec<L> load(const float* p) {
  Vec<L> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <int L>
REVOXEL_INLINE Vec<L> load(const Bf16* p) {
  if constexpr (L == 1) {
    return bf16ToFloat(*p);
  } else {
    typename VecOf<L>::half h;
    __builtin_memcpy(&h, p, sizeof h);
    return (Vec<L>)(__builtin_convertvector(h, typename VecOf<L>::bits) << 16);
  }
}

REVOXEL_INLINE void narrow(float v, float* p) { *p = v; }
REVOXEL_INLINE void narrow(float v, Bf16* p) { *p = floatToBf16(v); }

/** Stores a whole vector. */
template <int L, class T>
REVOXEL_INLINE void store(T* p, Vec<L> v) {
  if constexpr (L == 1) {
    narrow(v, p);
  } else if constexpr (sizeof(T) == sizeof(float)) {
    __builtin_memcpy(p, &v, sizeof v);
  } else {
    typedef typename VecOf<L>::bits Bits;
    const Bits wide = (Bits)v;
    const Bits nan = (Bits)((wide & 0x7fffffffu) > 0x7f800000u);
    const Bits rounded = (wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16;
    const Bits kept = (wide >> 16) | 0x40u;
    const typename VecOf<L>::half h =
        __builtin_convertvector((rounded & ~nan) | (kept & nan), typename VecOf<L>::half);
    __builtin_memcpy(p, &h, sizeof h);
  }
}

/** Stores a few values; out of line and scalar, for the rest of channels that fills no vector. */
template <class T>
static __attribute__((noinline)) void storeFew(T* p, const float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) narrow(values[i], p + i);
}

}  // namespace REVOXEL_ISA_NAMESPACE
}  // namespace revoxel
