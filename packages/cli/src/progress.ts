/**
 * Progress of long work on stderr: a bar with the time left on a terminal, plain lines elsewhere (a line per stage and
 * epoch). Nothing here decides anything; it only shows events.
 */
import type { RunEvent } from '@revoxel/training';
import { Presets, SingleBar } from 'cli-progress';
import { diceText, duration, type Output } from './output.js';

/** Shows events of a run. */
export class Progress {
  readonly #output: Output;
  readonly #terminal: boolean;
  #bar: SingleBar | undefined;
  #label = '';
  /** Moving average of a step's time, for the time left. */
  #perStep = 0;

  constructor(output: Output) {
    this.#output = output;
    this.#terminal = output.stderr.isTTY === true;
  }

  /** Show an event. */
  readonly show = (event: RunEvent): void => {
    switch (event.kind) {
      case 'stage':
        this.stop();
        this.#output.note(event.text);
        break;
      case 'warning':
        this.stop();
        this.#output.note(`warning: ${event.text}`);
        break;
      case 'case':
        this.#draw('cases', event.done, event.total, event.id);
        break;
      case 'tile':
        this.#draw(event.id, event.done, event.total, 'tiles');
        break;
      case 'step': {
        this.#perStep = this.#perStep === 0 ? event.seconds : 0.95 * this.#perStep + 0.05 * event.seconds;
        const left = event.total === null ? 'timing' : `${duration((event.total - event.done) * this.#perStep)} left`;
        this.#draw(
          'step',
          event.done,
          event.total ?? Math.max(20, event.done),
          `loss ${event.loss.toFixed(4)}  ${left}`,
        );
        break;
      }
      case 'epoch': {
        this.stop();
        const labels = Object.entries(event.labels).map(([label, dice]) => `${label}: ${diceText(dice)}`);
        this.#output.note(
          `epoch ${event.epoch}  step ${event.step}  loss ${event.loss.toFixed(4)}  validation loss ${event.validationLoss?.toFixed(4) ?? '-'}  ` +
            `Dice ${diceText(event.dice)} (${labels.join(', ')})  ${duration(event.seconds)}`,
        );
        break;
      }
      case 'checkpoint':
        break;
      default:
        event satisfies never;
    }
  };

  /** Take the bar away. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#label = '';
  }

  #draw(label: string, done: number, total: number, note: string): void {
    if (!this.#terminal) return;
    if (this.#bar === undefined || this.#label !== label) {
      this.stop();
      this.#label = label;
      this.#bar = new SingleBar(
        {
          stream: this.#output.stderr as NodeJS.WriteStream,
          format: '{label} {bar} {value}/{total}  {note}',
          clearOnComplete: true,
          hideCursor: true,
          fps: 5,
          barsize: 28,
        },
        Presets.shades_classic,
      );
      this.#bar.start(total, done, { label, note });
    } else {
      this.#bar.setTotal(total);
      this.#bar.update(done, { label, note });
    }
  }
}
