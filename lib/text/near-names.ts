/** The name of `known` that a mistyped `name` most likely meant; undefined if none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  return (
    nearest(wanted, known, () => Math.floor(wanted.length / 3)) ??
    known.find((candidate) => candidate.toLowerCase().startsWith(wanted) && wanted.length >= 3)
  )
}

/** A sentence that suggests a name, with a space at its end; empty if there is none. */
export function nameSuggestion(name: string | undefined): string {
  return name === undefined ? '' : `Did you mean \`${name}\`? `
}

/** The same for names that may be none of `known`: they differ by at most two typing errors. */
export function mistypedName(name: string, known: readonly string[]): string | undefined {
  return nearest(name.toLowerCase(), known, ({ length }) => Math.min(2, Math.floor(length / 3)))
}

function nearest(
  wanted: string,
  known: readonly string[],
  maxDistanceTo: (candidate: string) => number,
): string | undefined {
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const limit = Math.min(bestDistance, maxDistanceTo(candidate) + 1)
    const distance = editDistance(wanted, candidate.toLowerCase(), limit)
    if (distance < limit) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `a, b or c`; a long list is cut. */
export function nameList(names: readonly string[], limit = 8): string {
  if (names.length > limit)
    return `${names.slice(0, limit).join(', ')} … (${String(names.length)} in all)`
  if (names.length < 2) return names.join('')
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours; gives up (returns `limit`) when it cannot be
 * below `limit`.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = costAt(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let distance = Math.min(substitution, costAt(previous, j) + 1, costAt(current, j - 1) + 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) distance = Math.min(distance, costAt(beforePrevious, j - 2) + 1)
      current.push(distance)
    }
    beforePrevious = previous
    previous = current
  }
  return costAt(previous, b.length)
}

function costAt(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
