/** Fast path of `normActGrad`: the phases of `normGrad` with dy taken through the activation. */

export { normActGradKernel } from './norm-grad.js';
