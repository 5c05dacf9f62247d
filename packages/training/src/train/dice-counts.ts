/**
 * Pseudo-Dice: overlap of hard predictions on patches, summed over batches before the quotient. A cheap view on progress
 * during training, not a score of cases (data/evaluate.ts).
 *
 * Source: nnU-Net's online evaluation (Isensee et al. 2021).
 */

/** Counts true positives, false positives and false negatives of every foreground class over any number of batches. */
export class DiceCounts {
  readonly #classes: number;
  readonly #both: Float64Array;
  readonly #predicted: Float64Array;
  readonly #reference: Float64Array;

  /** @param classes - background included. */
  constructor(classes: number) {
    this.#classes = classes;
    this.#both = new Float64Array(256);
    this.#predicted = new Float64Array(256);
    this.#reference = new Float64Array(256);
  }

  /** Add a batch: class index per voxel, in one order. */
  add(prediction: Uint8Array, reference: Uint8Array): void {
    for (let i = 0; i < prediction.length; i++) {
      const p = prediction[i]!;
      const r = reference[i]!;
      this.#predicted[p]!++;
      this.#reference[r]!++;
      if (p === r) this.#both[p]!++;
    }
  }

  /** Dice per foreground class (index 0 is class 1); NaN where a class is in neither. */
  dice(): number[] {
    return Array.from({ length: this.#classes - 1 }, (_, i) => {
      const c = i + 1;
      const sum = this.#predicted[c]! + this.#reference[c]!;
      return sum === 0 ? Number.NaN : (2 * this.#both[c]!) / sum;
    });
  }
}

/** ema * 0.9 + value * 0.1, or the value when there is no average yet; a NaN value changes nothing. */
export function movingAverage(ema: number | undefined, value: number): number | undefined {
  if (Number.isNaN(value)) return ema;
  return ema === undefined ? value : 0.9 * ema + 0.1 * value;
}
