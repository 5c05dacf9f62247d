/**
 * The plain convolutional U-Net: strided convolutions down, transposed convolutions up, skips, instance norm and leaky
 * ReLU; 3D, or 2D when the input has two spatial axes.
 *
 * Not here: its configuration (unet-config.ts) and its losses. Parameter names, with level s from 0 (full resolution):
 * `encoder.{s}.{i}.conv.weight`, `....conv.bias`, `....norm.weight`, `....norm.bias`; `decoder.{s}.up.weight`, `.bias`;
 * `decoder.{s}.{i}.conv...` as in the encoder; `decoder.{s}.head.weight`, `.bias`. Regions are `encoder.{s}` and `decoder.{s}`.
 *
 * Sources: Ronneberger et al. 2015 (arXiv 1505.04597); Cicek et al. 2016 (arXiv 1606.06650); Isensee et al. 2021.
 */
import { cast, type Tensor } from '@revoxel/runtime';
import { checkInputSize } from './input-size.js';
import { convNormAct, head, upsample } from './layers.js';
import { resolveUnet, type UnetConfig } from './unet-config.js';

/**
 * Trace a U-Net.
 *
 * @param x - `[N, C, D, H, W]` or `[N, C, H, W]`, any float dtype; every spatial size a multiple of the product of the strides
 *   on its axis, and more than one voxel left at the lowest level (instance norm needs a variance).
 * @returns raw logits: `[N, classes, ...]` at full resolution first, then with deep supervision those of the next lower
 *   levels, sizes divided by the strides down to that level. Dtype of x, or `precision`.
 * @throws ShapeError when the size of x does not fit, ArgumentError when the configuration does not.
 * @example
 * const graph = trace('net', (g) => {
 *   const [logits] = unet3d(g.input('image', [1, 1, 32, 32, 32]), { classes: 3, baseChannels: 8, levels: 3 });
 *   g.output('logits', logits!);
 * });
 */
export function unet3d(x: Tensor, config: UnetConfig): Tensor[] {
  const g = x.graph;
  const spatial = x.shape.slice(2);
  const net = resolveUnet(config, spatial.length);
  checkInputSize('unet3d', x, net.divisor, net.levels);
  const style = { slope: net.slope, eps: net.eps, bias: net.convBias };
  const still = spatial.map(() => 1);

  const skips: Tensor[] = [];
  let y = config.precision === undefined ? x : cast(x, config.precision);
  for (let s = 0; s < net.levels; s++) {
    y = g.region(`encoder.${s}`, () => {
      let t = y;
      for (let i = 0; i < net.convsPerLevel; i++) {
        t = g.scope(`${i}`, () =>
          convNormAct(t, net.channels[s]!, net.kernels[s]!, i === 0 ? net.strides[s]! : still, style),
        );
      }
      return t;
    });
    skips.push(y);
  }

  const logits: Tensor[] = [];
  for (let s = net.levels - 2; s >= 0; s--) {
    y = g.region(`decoder.${s}`, () => {
      const up = g.scope('up', () => upsample(y, net.channels[s]!, net.strides[s + 1]!, style));
      let t = g.scope('0', () => convNormAct([up, skips[s]!], net.channels[s]!, net.kernels[s]!, still, style));
      for (let i = 1; i < net.convsPerLevel; i++) {
        t = g.scope(`${i}`, () => convNormAct(t, net.channels[s]!, net.kernels[s]!, still, style));
      }
      if (s < net.heads) logits.unshift(g.scope('head', () => head(t, net.classes, style)));
      return t;
    });
  }
  return logits;
}
