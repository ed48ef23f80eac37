/** Patterns of Python's fnmatch, which dpath uses for the keys of a path. */

type Atom =
  { readonly kind: 'char'; readonly char: string } | { readonly kind: 'any' | 'star' } | CharSet
interface CharSet {
  readonly kind: 'set'
  readonly negated: boolean
  /** First and last character of each range. */
  readonly ranges: readonly (readonly [string, string])[]
}

export function isPattern(text: string): boolean {
  return /[*?[]/.test(text)
}

/**
 * Compiles a pattern to a test of a whole text. For any pattern it takes at most length times length steps.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const atoms = parse(Array.from(pattern))
  if (atoms.every((atom) => atom.kind === 'star') && atoms.length > 0) return () => true
  return (text) => matches(atoms, Array.from(text))
}

function parse(chars: readonly string[]): Atom[] {
  const atoms: Atom[] = []
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? ''
    if (char === '*') atoms.push({ kind: 'star' })
    else if (char === '?') atoms.push({ kind: 'any' })
    else {
      const end = char === '[' ? endOfSet(chars, i + 1) : -1
      if (end < 0) atoms.push({ kind: 'char', char })
      else {
        atoms.push(parseSet(chars.slice(i + 1, end)))
        i = end
      }
    }
  }
  return atoms
}

/**
 * The index of the bracket that closes the set; -1 if no bracket does, and the opening bracket stands for
 * itself.
 */
function endOfSet(chars: readonly string[], start: number): number {
  let i = chars[start] === '!' ? start + 1 : start
  if (chars[i] === ']') i++
  return chars.indexOf(']', i)
}

function parseSet(inside: readonly string[]): CharSet {
  const negated = inside[0] === '!'
  const ranges: [string, string][] = []
  for (let i = negated ? 1 : 0; i < inside.length; i++) {
    const first = inside[i] ?? ''
    const last = inside[i + 1] === '-' ? inside[i + 2] : undefined
    ranges.push([first, last ?? first])
    if (last !== undefined) i += 2
  }
  return { kind: 'set', negated, ranges }
}

function matches(atoms: readonly Atom[], text: readonly string[]): boolean {
  let position = 0
  let atom = 0
  let starAtom = -1
  let starAt = 0
  while (position < text.length) {
    const current = atoms[atom]
    if (current?.kind === 'star') {
      starAtom = atom++
      starAt = position
    } else if (current !== undefined && matchesChar(current, text[position] ?? '')) {
      atom++
      position++
    } else if (starAtom >= 0) {
      // The last star takes one character more.
      atom = starAtom + 1
      position = ++starAt
    } else return false
  }
  while (atoms[atom]?.kind === 'star') atom++
  return atom === atoms.length
}

function matchesChar(atom: Atom, char: string): boolean {
  if (atom.kind === 'char') return atom.char === char
  if (atom.kind !== 'set') return true
  const code = char.codePointAt(0) ?? 0
  const inRange = atom.ranges.some(
    ([first, last]) => code >= (first.codePointAt(0) ?? 0) && code <= (last.codePointAt(0) ?? 0),
  )
  return inRange !== atom.negated
}
