/** Safetensors files: named tensors on disk. */

export { openSafetensors, type SafetensorsFile, type StoredTensor, type StoredType } from './read.js';
export { writeSafetensors, type SafetensorsEntry } from './write.js';
