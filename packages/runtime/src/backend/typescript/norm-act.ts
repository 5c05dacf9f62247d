/** Fast path of `normAct`: the phases of `norm` with the activation in the last. */

export { normActKernel } from './norm.js';
