/** The step programs: what they take, give and write. Their numbers are in golden.test.ts and learning.test.ts. */
import { graphFault, type Graph } from '@revoxel/runtime';
import { describe, expect, it } from 'vitest';
import {
  deepSupervisionWeights,
  inferenceStep,
  modelParameters,
  trainingStep,
  validationStep,
  type ModelConfig,
} from '../src/index.js';

const model: ModelConfig = { kind: 'unet3d', classes: 3, baseChannels: 4, levels: 4, deepSupervision: true };
const config = { model, inChannels: 1, batch: 2, patch: [16, 16, 16] };

const leaves = (graph: Graph, kind: string): string[] =>
  graph.values.flatMap(({ origin }) => (origin.kind === kind && 'name' in origin ? [origin.name] : []));

describe('trainingStep', () => {
  const graph = trainingStep(config);

  it('is a sound graph with the agreed borders', () => {
    expect(graphFault(graph)).toBeUndefined();
    expect(leaves(graph, 'input')).toEqual(['image', 'labels']);
    expect(leaves(graph, 'step')).toEqual(['lr']);
    expect(graph.outputs.map((o) => o.name)).toEqual(['loss', 'gradientNorm']);
  });

  it('updates every parameter once, none of the head without weight', () => {
    // Three decoder levels: the lowest head would have weight 0 and is left out.
    const trained = modelParameters({ ...model, deepSupervision: 2 }, 1).map((p) => p.name);
    expect(new Set(leaves(graph, 'parameter'))).toEqual(new Set(trained));
    expect(graph.nodes.filter((n) => n.op === 'sgdUpdate')).toHaveLength(trained.length);
    expect(new Set(leaves(graph, 'state'))).toEqual(new Set(trained.map((name) => `${name}.momentum`)));
  });

  it('takes AdamW too', () => {
    const adam = trainingStep({ ...config, optimizer: { kind: 'adamw' } });
    expect(leaves(adam, 'step').sort()).toEqual(['lr', 'step']);
    expect(graphFault(adam)).toBeUndefined();
  });
});

describe('validationStep and inferenceStep', () => {
  it('use parameters of the training step alone', () => {
    const trained = new Set(leaves(trainingStep(config), 'parameter'));
    for (const graph of [validationStep(config), inferenceStep(config)]) {
      expect(graphFault(graph)).toBeUndefined();
      expect(leaves(graph, 'parameter').every((name) => trained.has(name))).toBe(true);
      expect(leaves(graph, 'step')).toEqual([]);
    }
  });

  it('gives probabilities when asked for', () => {
    expect(inferenceStep({ ...config, output: 'probabilities' }).outputs.map((o) => o.name)).toEqual(['probabilities']);
  });
});

describe('deepSupervisionWeights', () => {
  it('halves and sums to one', () => {
    expect(deepSupervisionWeights(4)).toEqual([1, 0.5, 0.25, 0.125].map((w) => w / 1.875));
    expect(deepSupervisionWeights(1)).toEqual([1]);
  });
});
