/** What a run tells its caller while it goes on: for progress bars and lines, not for results. */
import type { EpochRecord } from './log.js';

/** An event of training or prediction. */
export type RunEvent =
  /** A part of the work began; one line for people. */
  | { readonly kind: 'stage'; readonly text: string }
  /** Something worth knowing that does not stop the work. */
  | { readonly kind: 'warning'; readonly text: string }
  /** A case was preprocessed or predicted. */
  | { readonly kind: 'case'; readonly id: string; readonly done: number; readonly total: number }
  /** A training step is done; `total` is null while the number is not fixed. */
  | {
      readonly kind: 'step';
      readonly done: number;
      readonly total: number | null;
      readonly loss: number;
      readonly seconds: number;
    }
  | ({ readonly kind: 'epoch' } & Omit<EpochRecord, 'type'>)
  | { readonly kind: 'checkpoint'; readonly file: string; readonly step: number }
  /** A tile of an image is done. */
  | { readonly kind: 'tile'; readonly id: string; readonly done: number; readonly total: number };

/** Receives events. */
export type OnEvent = (event: RunEvent) => void;
