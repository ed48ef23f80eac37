/** Orders entries by their names, and not by a language's alphabet, which would differ between machines. */
export function byName(
  [one]: readonly [string, unknown],
  [other]: readonly [string, unknown],
): number {
  return one < other ? -1 : Number(one > other)
}
