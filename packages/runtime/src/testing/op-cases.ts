/** The table of all cases, one list a family. To add an operation is to add rows to a list in `cases/`. */

import { CONV_CASES, CONV_TRANSPOSE_CASES } from './cases/convolution.js';
import {
  BINARY_CASES,
  BROADCAST_CASES,
  CAST_CASES,
  FILL_CASES,
  SCALE_CASES,
  UNARY_CASES,
} from './cases/elementwise.js';
import { CROSS_ENTROPY_CASES, CROSS_ENTROPY_CORNERS, DICE_CASES } from './cases/losses.js';
import { BATCH_NORM_CASES, NORM_ACT_CASES, NORM_CASES, NORM_OFFSET_CASES } from './cases/norm.js';
import { ARGMAX_CASES, MATMUL_CASES, REDUCE_CASES, SOFTMAX_CASES, SUM_SQUARES_CASES } from './cases/reduction.js';
import {
  ORTHOGONAL_CASES,
  RESAMPLE_CASES,
  RESAMPLE_GRAD_CASES,
  SPLIT_CASES,
  SQUEEZE_CASES,
} from './cases/resampling.js';
import {
  CONCAT_CASES,
  PAD_CASES,
  PERMUTE_CASES,
  POOL_CASES,
  RESHAPE_CASES,
  RESIZE_CASES,
  SLICE_CASES,
} from './cases/spatial.js';
import {
  CHECK_EQUAL_CASES,
  COUPLE_CASES,
  DEQUANTIZE_CASES,
  FIXED_NORM_CASES,
  FIXED_POOL_CASES,
  QUANTIZE_CASES,
  STREAM_UPDATE_CASES,
} from './cases/streams.js';
import { DROPOUT_CASES, UPDATE_CASES } from './cases/update.js';
import type { OpCase } from './op-case.js';

/** Every case of every operation. */
export const OP_CASES: readonly OpCase[] = [
  ...CONV_CASES,
  ...CONV_TRANSPOSE_CASES,
  ...MATMUL_CASES,
  ...UNARY_CASES,
  ...BINARY_CASES,
  ...SCALE_CASES,
  ...CAST_CASES,
  ...FILL_CASES,
  ...BROADCAST_CASES,
  ...REDUCE_CASES,
  ...SUM_SQUARES_CASES,
  ...ARGMAX_CASES,
  ...SOFTMAX_CASES,
  ...NORM_CASES,
  ...NORM_OFFSET_CASES,
  ...NORM_ACT_CASES,
  ...BATCH_NORM_CASES,
  ...POOL_CASES,
  ...RESIZE_CASES,
  ...CONCAT_CASES,
  ...SLICE_CASES,
  ...PAD_CASES,
  ...RESHAPE_CASES,
  ...PERMUTE_CASES,
  ...CROSS_ENTROPY_CASES,
  ...CROSS_ENTROPY_CORNERS,
  ...DICE_CASES,
  ...UPDATE_CASES,
  ...DROPOUT_CASES,
  ...QUANTIZE_CASES,
  ...DEQUANTIZE_CASES,
  ...COUPLE_CASES,
  ...STREAM_UPDATE_CASES,
  ...CHECK_EQUAL_CASES,
  ...FIXED_NORM_CASES,
  ...FIXED_POOL_CASES,
  ...SPLIT_CASES,
  ...SQUEEZE_CASES,
  ...RESAMPLE_CASES,
  ...RESAMPLE_GRAD_CASES,
  ...ORTHOGONAL_CASES,
];
