// Shapes for the convolution tests: one line each, named by what is awkward about it. Small enough for a naive loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../kernels/conv.h"

namespace revoxel {

struct ConvCase {
  std::string name;
  ConvShape shape;
  std::vector<int64_t> pieces;  // channels of the input's pieces; empty: one piece
};

struct Triple {
  int64_t d, h, w;
};

/** Output sizes follow from leading padding `pad` and trailing padding `trail`. */
inline ConvShape makeShape(int64_t n, int64_t ci, Triple in, int64_t co, Triple k, Triple stride, Triple pad,
                           Triple trail, Triple dilation = {1, 1, 1}, int64_t groups = 1) {
  const auto out = [](int64_t i, int64_t kernel, int64_t s, int64_t p, int64_t t, int64_t d) {
    return (i + p + t - (kernel - 1) * d - 1) / s + 1;
  };
  return {n, ci, in.d, in.h, in.w, co, out(in.d, k.d, stride.d, pad.d, trail.d, dilation.d),
          out(in.h, k.h, stride.h, pad.h, trail.h, dilation.h), out(in.w, k.w, stride.w, pad.w, trail.w, dilation.w),
          k.d, k.h, k.w, stride.d, stride.h, stride.w, pad.d, pad.h, pad.w, dilation.d, dilation.h, dilation.w, groups};
}

inline std::vector<ConvCase> convCases() {
  const Triple one{1, 1, 1}, two{2, 2, 2}, three{3, 3, 3}, zero{0, 0, 0};
  std::vector<ConvCase> cases;
  const auto same = [&](std::string name, int64_t n, int64_t ci, int64_t co, Triple in, std::vector<int64_t> pieces = {}) {
    cases.push_back({name, makeShape(n, ci, in, co, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}), pieces});
  };
  const auto add = [&](std::string name, ConvShape shape, std::vector<int64_t> pieces = {}) {
    cases.push_back({name, shape, pieces});
  };
  // Plain 3x3x3 with every kind of channel count and row length.
  same("k3 4->4", 1, 4, 4, {2, 3, 5});
  same("k3 16->16 w=14", 1, 16, 16, {3, 4, 14});
  same("k3 16->16 w=15", 1, 16, 16, {2, 3, 15});
  same("k3 32->32 w=12", 1, 32, 32, {3, 3, 12});
  same("k3 32->32 w=25", 1, 32, 32, {2, 3, 25});
  same("k3 32->32 n=2", 2, 32, 32, {3, 4, 10});
  same("k3 64->48", 1, 64, 48, {2, 3, 9});
  same("k3 40->24", 1, 40, 24, {3, 3, 8});
  same("k3 24->40", 1, 24, 40, {3, 3, 11});
  same("k3 24->24 w=17", 1, 24, 24, {2, 3, 17});
  same("k3 17->33", 1, 17, 33, {2, 3, 7});
  same("k3 33->17", 1, 33, 17, {2, 3, 13});
  same("k3 9->11", 1, 9, 11, {3, 3, 9});
  same("k3 5->7", 2, 5, 7, {3, 3, 9});
  same("k3 8->8", 1, 8, 8, {3, 5, 16});
  same("k3 1->16", 1, 1, 16, {4, 5, 18});
  same("k3 1->32", 2, 1, 32, {3, 4, 13});
  same("k3 4->32", 1, 4, 32, {3, 4, 9});
  same("k3 2->20", 1, 2, 20, {3, 3, 6});
  same("k3 3->1", 1, 3, 1, {3, 4, 6});
  same("k3 16->1", 1, 16, 1, {3, 4, 10});
  same("k3 32->3", 1, 32, 3, {3, 4, 10});
  same("k3 96->64 short rows", 1, 96, 64, {3, 3, 3});
  same("k3 volume 1x1x1", 2, 16, 16, {1, 1, 1});
  same("k3 volume 2x2x2", 2, 32, 20, {2, 2, 2});
  same("k3 row of 7", 1, 16, 32, {2, 2, 7});
  same("k3 rows of 5, n=3", 3, 16, 16, {3, 5, 5});
  same("k3 long row", 1, 16, 16, {1, 2, 150});
  same("k3 many rows", 1, 8, 9, {17, 19, 3});
  // Several input pieces.
  same("pieces 32+32->32", 1, 64, 32, {3, 3, 12}, {32, 32});
  same("pieces 16+16->24", 1, 32, 24, {3, 3, 9}, {16, 16});
  same("pieces 24+40->16", 1, 64, 16, {2, 3, 10}, {24, 40});
  same("pieces 3+29->8", 1, 32, 8, {3, 3, 6}, {3, 29});
  same("pieces 1+2+5+9->33", 2, 17, 33, {2, 3, 4}, {1, 2, 5, 9});
  same("pieces 1+1->16", 1, 2, 16, {3, 3, 9}, {1, 1});
  // Strides, down and up.
  add("k3 s2 32->64", makeShape(1, 32, {6, 7, 16}, 64, three, two, one, one));
  add("k3 s2 16->32 even", makeShape(1, 16, {4, 6, 20}, 32, three, two, one, zero));
  add("k3 s2 1->16", makeShape(1, 1, {5, 6, 15}, 16, three, two, one, one));
  add("k2 s2 64->32", makeShape(1, 32, {4, 6, 24}, 64, two, two, zero, zero));
  add("k2 s2 odd sizes", makeShape(2, 16, {5, 7, 19}, 24, two, two, zero, zero));
  add("k2 s2 20->12 short", makeShape(1, 12, {4, 4, 6}, 20, two, two, zero, zero));
  add("k3 s(1,2,2)", makeShape(1, 16, {3, 9, 17}, 16, three, {1, 2, 2}, one, one));
  add("k3 s3", makeShape(1, 8, {7, 8, 20}, 16, three, {3, 3, 3}, one, one));
  add("k2 s3 leaves gaps", makeShape(1, 16, {7, 8, 19}, 16, two, {3, 3, 3}, zero, zero));
  add("k1 s2", makeShape(1, 32, {4, 5, 17}, 32, one, two, zero, zero));
  add("k4 s2 p1", makeShape(1, 8, {6, 6, 22}, 16, {4, 4, 4}, two, one, one));
  add("s larger than the volume", makeShape(1, 16, {2, 2, 3}, 16, three, {5, 5, 5}, one, one));
  // Dilation.
  add("k3 d2", makeShape(1, 16, {6, 6, 18}, 16, three, one, two, two, two));
  add("k3 d(1,2,3)", makeShape(1, 12, {5, 6, 15}, 20, three, one, {1, 2, 3}, {1, 2, 3}, {1, 2, 3}));
  add("k3 s2 d2", makeShape(1, 16, {7, 7, 21}, 16, three, two, two, two, two));
  add("k3 s2 d3", makeShape(1, 8, {7, 8, 21}, 16, three, two, {3, 3, 3}, {3, 3, 3}, {3, 3, 3}));
  add("k3 s4 d6", makeShape(1, 8, {1, 13, 29}, 8, {1, 3, 3}, {1, 4, 4}, {0, 6, 6}, {0, 6, 6}, {1, 6, 6}));
  add("k3 s2 1 channel d2", makeShape(1, 1, {5, 5, 13}, 16, three, two, two, two, two));
  // Kernel sizes and paddings.
  add("k1 32->16", makeShape(1, 32, {3, 4, 20}, 16, one, one, zero, zero));
  add("head k1 16->3", makeShape(1, 16, {3, 4, 21}, 3, one, one, zero, zero));
  add("head k1 32->3", makeShape(2, 32, {3, 4, 10}, 3, one, one, zero, zero));
  add("head k1 32->1", makeShape(1, 32, {3, 4, 10}, 1, one, one, zero, zero));
  add("k5 16->16", makeShape(1, 16, {5, 6, 12}, 16, {5, 5, 5}, one, two, two));
  add("k7 2->8", makeShape(1, 2, {7, 7, 11}, 8, {7, 7, 7}, one, three, three));
  add("k(1,3,3) 16->16", makeShape(1, 16, {4, 5, 13}, 16, {1, 3, 3}, one, {0, 1, 1}, {0, 1, 1}));
  add("k(5,1,3) 20->8", makeShape(1, 20, {6, 3, 9}, 8, {5, 1, 3}, one, {2, 0, 1}, {2, 0, 1}));
  add("no padding", makeShape(1, 16, {4, 5, 16}, 16, three, one, zero, zero));
  add("leading padding only", makeShape(1, 16, {4, 5, 14}, 16, three, one, two, zero));
  add("trailing padding only", makeShape(1, 16, {4, 5, 14}, 16, three, one, zero, two));
  add("padding larger than the kernel", makeShape(1, 16, {2, 3, 9}, 16, three, one, {4, 4, 4}, {5, 4, 6}));
  add("k7 on 2x2x2", makeShape(1, 16, {2, 2, 2}, 16, {7, 7, 7}, one, three, three));
  add("trailing padding far out, 1 channel", makeShape(1, 1, {2, 3, 4}, 8, three, one, {3, 0, 5}, {0, 4, 6}));
  // Two dimensions.
  add("2D k3 32->32", makeShape(2, 32, {1, 7, 19}, 32, {1, 3, 3}, one, {0, 1, 1}, {0, 1, 1}));
  add("2D k3 s2 3->24", makeShape(1, 3, {1, 12, 17}, 24, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}));
  add("2D k2 s2 16->32", makeShape(1, 16, {1, 8, 20}, 32, {1, 2, 2}, {1, 2, 2}, zero, zero));
  // Groups.
  add("groups 2, 32->64", makeShape(1, 32, {3, 4, 10}, 64, three, one, one, one, one, 2));
  add("groups 3, 27->33", makeShape(1, 27, {3, 4, 9}, 33, three, one, one, one, one, 3));
  add("groups 4, 12->20 s2", makeShape(2, 12, {4, 5, 11}, 20, three, two, one, one, one, 4));
  add("depthwise 20", makeShape(1, 20, {4, 5, 11}, 20, three, one, one, one, one, 20));
  add("depthwise x2, 6->12", makeShape(1, 6, {4, 5, 11}, 12, three, one, one, one, one, 6));
  add("groups 2 over pieces 10+22", makeShape(1, 32, {3, 4, 9}, 16, three, one, one, one, one, 2), {10, 22});
  add("groups 2, 80->80", makeShape(1, 80, {2, 3, 10}, 80, three, one, one, one, one, 2));
  return cases;
}

}  // namespace revoxel
