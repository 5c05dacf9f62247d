/** How work is cut into parts: contiguous, nearly equal ranges that depend on nothing but the numbers given. */

/** The range of `count` items that belongs to `part` of `parts`. */
export function shareOf(count: number, part: number, parts: number): { readonly begin: number; readonly end: number } {
  return { begin: Math.floor((count * part) / parts), end: Math.floor((count * (part + 1)) / parts) };
}
