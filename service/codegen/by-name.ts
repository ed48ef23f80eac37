/** Orders entries by their names, and not by a language's alphabet, which would differ between machines. */
export function byName(
  [name]: readonly [string, unknown],
  [other]: readonly [string, unknown],
): number {
  return name < other ? -1 : Number(name > other)
}
