/** A part of a pattern: one character, any one character, or any text. */
type Part = { readonly character: string } | 'one' | 'any'

/** The parts of a pattern of LIKE; undefined if it ends in a backslash, which then escapes nothing. */
export function parseLike(pattern: string): readonly Part[] | undefined {
  const parts: Part[] = []
  const characters = Array.from(pattern)
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] ?? ''
    if (character === '%') parts.push('any')
    else if (character === '_') parts.push('one')
    else if (character !== '\\') parts.push({ character })
    else {
      index += 1
      const escaped = characters[index]
      if (escaped === undefined) return undefined
      parts.push({ character: escaped })
    }
  }
  return parts
}

/**
 * Whether a text fits. Goes back to the last `%` only, so the time is at most the product of both lengths.
 */
export function matchesLike(parts: readonly Part[], text: string): boolean {
  const characters = Array.from(text)
  let position = 0
  let part = 0
  let anyPart = -1
  let anyAt = 0
  while (position < characters.length) {
    const wanted = parts[part]
    if (wanted === 'any') {
      anyPart = part
      anyAt = position
      part += 1
    } else if (wanted === 'one' || (wanted && wanted.character === characters[position])) {
      part += 1
      position += 1
    } else if (anyPart >= 0) {
      anyAt += 1
      position = anyAt
      part = anyPart + 1
    } else return false
  }
  while (parts[part] === 'any') part += 1
  return part === parts.length
}
