// Chooses the instruction set of the convolution kernels at run time.
// Not a feature report for people: `doctor` asks convIsa() and adds its own facts.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "conv.h"

namespace revoxel {
namespace {

bool available(Isa isa) {
  switch (isa) {
    case Isa::Portable:
      return true;
#if defined(__x86_64__)
    case Isa::Avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::Avx512:
      return available(Isa::Avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#endif
    default:
      return false;
  }
}

Isa initial() {
  const char* asked = std::getenv("REVOXEL_ISA");
  for (const Isa isa : {Isa::Portable, Isa::Avx2, Isa::Avx512}) {
    if (asked && std::strcmp(asked, isaName(isa)) == 0 && available(isa)) return isa;
  }
  if (available(Isa::Avx512)) return Isa::Avx512;
  return available(Isa::Avx2) ? Isa::Avx2 : Isa::Portable;
}

std::atomic<Isa>& current() {
  static std::atomic<Isa> isa{initial()};
  return isa;
}

}  // namespace

const char* isaName(Isa isa) {
  return isa == Isa::Avx512 ? "avx512" : isa == Isa::Avx2 ? "avx2" : "portable";
}

Isa convIsa() { return current().load(std::memory_order_relaxed); }

bool setConvIsa(Isa isa) {
  if (!available(isa)) return false;
  current().store(isa, std::memory_order_relaxed);
  return true;
}

}  // namespace revoxel
