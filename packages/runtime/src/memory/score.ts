/** What a choice for every unit would give: live bytes step by step, and time. Nothing is laid out. */

import type { BackendProfile } from '../backend/profile.js';
import type { Graph } from '../graph/graph.js';
import { liveProfile, persistentBytes, type KernelCache } from '../plan/build.js';
import { cheapValues } from './cheap.js';
import { gatherFacts, type Facts } from './facts.js';
import type { UnitChoice } from './options.js';
import { remake } from './remake.js';
import { decideSources, type Sources } from './sources.js';
import { nodeCost, secondsOf } from './time.js';
import { findUnits, type Units } from './units.js';

/** A scored choice. */
export interface Scored {
  readonly choices: readonly UnitChoice[];
  readonly sources: Sources;
  /** Bytes live at every step, persistent ones included; the largest is a lower bound of the plan's peak. */
  readonly live: Float64Array;
  readonly peakBytes: number;
  readonly seconds: number;
  readonly flops: number;
  readonly bytes: number;
}

/** Scores choices for one graph and profile; the same choice is scored once. */
export class Scorer {
  readonly facts: Facts;
  readonly units: Units;
  /** How many choices were scored. */
  evaluations = 0;
  private readonly cheap: ReadonlySet<number>;
  private readonly known = new Map<string, Scored>();
  private readonly kernels: KernelCache = new WeakMap();
  private readonly persistent: number;
  /** Cost of the step with nothing made twice. */
  readonly plain: { readonly seconds: number; readonly flops: number; readonly bytes: number };

  constructor(
    graph: Graph,
    readonly profile: BackendProfile,
    options: { readonly cheap: boolean; readonly exactOnly?: boolean; readonly mostUnits?: number },
  ) {
    this.facts = gatherFacts(graph, options.exactOnly);
    this.units = findUnits(this.facts, options.mostUnits);
    this.cheap = options.cheap ? cheapValues(this.facts, profile) : new Set();
    this.persistent = persistentBytes(graph, profile);
    this.plain = costOfGraph(graph, profile);
  }

  /** The same choice for every unit that has it; `otherwise` for units without anything to invert. */
  all(choice: UnitChoice, otherwise: UnitChoice = choice): UnitChoice[] {
    return this.units.list.map((u) => (choice === 'invert' && !u.invertible ? otherwise : choice));
  }

  score(choices: readonly UnitChoice[]): Scored {
    const key = choices.join();
    const known = this.known.get(key);
    if (known) return known;
    this.evaluations++;
    const sources = decideSources(this.facts, this.units, choices, this.cheap);
    const graph = remake(this.facts, sources);
    const live = liveProfile(graph, this.profile, this.kernels).map((bytes) => bytes + this.persistent);
    const peakBytes = live.reduce((most, b) => Math.max(most, b), 0);
    const scored = { choices, sources, live, peakBytes, ...costOfGraph(graph, this.profile) };
    this.known.set(key, scored);
    return scored;
  }

  /** The graph of a scored choice. It is not held: there are many choices, and graphs are large. */
  build({ sources }: Scored): Graph {
    return remake(this.facts, sources);
  }

  /** Everything scored so far. */
  scored(): readonly Scored[] {
    return [...this.known.values()];
  }
}

function costOfGraph(graph: Graph, profile: BackendProfile): Scorer['plain'] {
  let [seconds, flops, bytes] = [0, 0, 0];
  for (const node of graph.nodes) {
    const cost = nodeCost(graph, node);
    flops += cost.flops;
    bytes += cost.bytes;
    seconds += secondsOf(cost, profile);
  }
  return { seconds, flops, bytes };
}
