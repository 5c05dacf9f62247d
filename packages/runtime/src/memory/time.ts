/**
 * Time of a node by the profile's nominal speed: the slower of arithmetic and memory traffic. Rough on purpose: it ranks
 * memory choices; only ratios matter.
 */

import type { BackendProfile } from '../backend/profile.js';
import type { Graph, GraphNode } from '../graph/graph.js';
import { costOf, type Cost } from '../ops/op.js';
import { OPS } from '../ops/registry.js';

/** Speed of a machine as plans count on it. */
export interface NominalSpeed {
  /** Of convolutions and matrix products. */
  readonly flopsPerSecond: number;
  /** Of passes over memory. */
  readonly bytesPerSecond: number;
}

/** What is assumed of a profile that says nothing. */
const DEFAULT_SPEED: NominalSpeed = { flopsPerSecond: 50e9, bytesPerSecond: 5e9 };

/** FLOPs and bytes of a node. */
export function nodeCost(graph: Graph, node: GraphNode): Cost {
  const types = {
    inputs: node.inputs.map((v) => graph.values[v]!.type),
    outputs: node.outputs.map((v) => graph.values[v]!.type),
  };
  return costOf(OPS[node.op], { ...types, attrs: node.attrs });
}

/** Seconds of a cost. */
export function secondsOf(cost: Cost, profile: BackendProfile): number {
  const { flopsPerSecond, bytesPerSecond } = profile.speed ?? DEFAULT_SPEED;
  return Math.max(cost.flops / flopsPerSecond, cost.bytes / bytesPerSecond);
}
