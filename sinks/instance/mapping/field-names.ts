/** The same for `last_name`, `LastName` and `lastname`. */
export function plainName(name: string): string {
  return name
    .replace(/__c$/i, '')
    .replaceAll(/[_\s-]/g, '')
    .toLowerCase()
}

/**
 * The name among these that equals the wanted one; if none does, the only one that differs in capital letters
 * and `_` alone.
 */
export function findName(wanted: string, names: readonly string[]): string | undefined {
  if (names.includes(wanted)) return wanted
  const near = names.filter((name) => name.toLowerCase() === wanted.toLowerCase())
  const found =
    near.length > 0 ? near : names.filter((name) => plainName(name) === plainName(wanted))
  return found.length === 1 ? found[0] : undefined
}
