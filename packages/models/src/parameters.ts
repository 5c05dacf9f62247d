/** A trainable tensor and its full scoped name, which is its name in checkpoints; `GraphBuilder.parameters()` lists them. */
import type { Tensor } from '@revoxel/runtime';

export interface Parameter {
  readonly name: string;
  readonly tensor: Tensor;
}
