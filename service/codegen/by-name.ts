/** Orders entries by name, independent of the locale, which would differ between machines. */
export function byName(
  [name]: readonly [string, unknown],
  [other]: readonly [string, unknown],
): number {
  return name < other ? -1 : Number(name > other)
}
