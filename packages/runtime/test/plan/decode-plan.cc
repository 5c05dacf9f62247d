// Prints an encoded plan from stdin as the decoder of native/plan.h sees it, for encode.test.ts. With an argument it
// prints a few numbers of the shared numeric helpers instead.
#include <cstdio>
#include <iostream>
#include <iterator>

#include "plan.h"

using namespace revoxel;

static void list(const char* name, const std::vector<int64_t>& values) {
  std::cout << ' ' << name << '=';
  for (size_t i = 0; i < values.size(); i++) std::cout << (i ? "," : "") << values[i];
}

int main(int argc, char**) {
  if (argc > 1) {
    const Philox4 zero = philox4x32(0, 0, 0, 0, 0, 0);
    const Philox4 pi = philox4x32(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0);
    std::printf("%08x %08x %08x %08x\n", zero.word[0], zero.word[1], zero.word[2], zero.word[3]);
    std::printf("%08x %08x %08x %08x\n", pi.word[0], pi.word[1], pi.word[2], pi.word[3]);
    std::printf("%04x %04x %04x %04x %04x\n", toBf16(1.00390625f), toBf16(1.01171875f), toBf16(3.4e38f), toBf16(-0.0f), toBf16(std::numeric_limits<float>::quiet_NaN()) & 0x7fff);
    std::printf("%04x %04x %04x %04x %04x %04x\n", toF16(1.00048828125f), toF16(1.00146484375f), toF16(65520.0f), toF16(0x1p-25f), toF16(-0x1.8p-24f), toF16(std::numeric_limits<float>::quiet_NaN()) & 0x7fff);
    int wrong = 0;
    for (uint32_t b = 0; b < 0x10000; b++) wrong += (b & 0x7fff) <= 0x7c00 && toF16(fromF16(static_cast<uint16_t>(b))) != b;
    std::printf("%d %g %g\n", wrong, fromF16(0x0001), fromF16(0xfbff));
    std::printf("%d %d %d %d %d\n", toInteger<uint8_t>(2.5), toInteger<uint8_t>(300), toInteger<int16_t>(-3.5), toInteger<int32_t>(-1e12), toInteger<int32_t>(std::numeric_limits<double>::quiet_NaN()));
    return 0;
  }
  const std::string bytes((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  try {
    const Plan plan = decodePlan(bytes.data(), bytes.size());
    std::cout << plan.name << " calls=" << plan.ownCalls << " derived=" << plan.derived.size() << " persistent=" << plan.persistentBytes << '\n';
    for (const auto& value : plan.values) {
      std::cout << value.name << ' ' << nameOf(value.dtype) << ' ' << nameOf(value.segment) << ' ' << value.offset << ' ' << value.bytes << ' ' << nameOf(value.memoryClass);
      list("shape", value.shape);
      std::cout << '\n';
    }
    for (const auto& call : plan.calls) {
      std::cout << nameOf(call.op) << ' ' << call.name << ' ' << nameOf(call.phase) << ' ' << call.variant << ' ' << call.scratchOffset << '+' << call.scratchBytes << ' ' << call.flops;
      list("in", call.inputs);
      list("out", call.outputs);
      if (const auto* conv = std::get_if<ConvAttrs>(&call.attrs)) {
        list("kernel", conv->kernel);
        std::cout << " groups=" << conv->groups << " bias=" << conv->bias << " form=" << nameOf(conv->form);
      }
      if (const auto* pad = std::get_if<PadAttrs>(&call.attrs)) std::cout << " value=" << pad->value;
      std::cout << '\n';
    }
    std::cout << plan.persistent[0].name << ' ' << nameOf(plan.persistent[0].init) << ' ' << plan.persistent[0].initA << ' ' << plan.persistent[0].initB << '\n';
    std::cout << plan.derived[0].name << " from " << plan.derived[0].sources[0] << " by " << plan.derived[0].call << '\n';
  } catch (const PlanError& error) {
    std::cout << "PlanError: " << error.what() << '\n';
  }
}
