/**
 * Philox4x32-10, the counter-based generator: random words as a pure function of key and counter.
 * @see Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011)
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High word of the product of two 32-bit words; JavaScript has only the low one (`Math.imul`). */
function mulHigh(a: number, b: number): number {
  const ah = a >>> 16;
  const al = a & 0xffff;
  const bh = b >>> 16;
  const bl = b & 0xffff;
  // Neither sum exceeds 32 bits: (2^16 - 1)^2 + 2^16 - 1 < 2^32. Integers alone are several times faster than doubles.
  const mid = (Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16)) >>> 0;
  const mid2 = (Math.imul(al, bh) + (mid & 0xffff)) >>> 0;
  return (Math.imul(ah, bh) + (mid >>> 16) + (mid2 >>> 16)) >>> 0;
}

/** Ten rounds; writes four u32 words into `out`. */
export function philox4x32(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  key0: number,
  key1: number,
): void {
  let x0 = c0 >>> 0;
  let x1 = c1 >>> 0;
  let x2 = c2 >>> 0;
  let x3 = c3 >>> 0;
  let k0 = key0 >>> 0;
  let k1 = key1 >>> 0;
  for (let round = 0; round < 10; round++) {
    const h0 = mulHigh(M0, x0);
    const l0 = Math.imul(M0, x0) >>> 0;
    const h1 = mulHigh(M1, x2);
    const l1 = Math.imul(M1, x2) >>> 0;
    x0 = (h1 ^ x1 ^ k0) >>> 0;
    x1 = l1;
    x2 = (h0 ^ x3 ^ k1) >>> 0;
    x3 = l0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** 32-bit FNV-1a hash of a name: the key of a node's or parameter's random stream. */
export function nameKey(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash >>> 0;
}
