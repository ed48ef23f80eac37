/** A part of an expression, with the white space before it. */
export interface ExpressionToken {
  readonly kind: 'name' | 'quoted name' | 'text' | 'number' | 'operator' | 'mark'
  readonly text: string
  readonly gap: string
}

const tokens = [
  ['text', /[bBxX]?'(?:[^']|'')*'/y],
  ['quoted name', /"(?:[^"]|"")+"/y],
  ['name', /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y],
  ['number', /\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+/y],
  ['operator', /::|[-+*/<>=~!@#%^&|`?:]+/y],
  ['mark', /[()[\],.]/y],
] as const

const escapedText = /[eE]'(?:[^'\\]|''|\\.)*'/sy
const escapes = /[eE]'/y
const space = /\s*/y

/**
 * The tokens of an expression as a server writes one (`pg_get_expr`), in the order of the text. Undefined for
 * a text that is not a single expression: one that could end the statement around it, or begin a comment or
 * another statement.
 */
export function expressionTokens(text: string): readonly ExpressionToken[] | undefined {
  const found: ExpressionToken[] = []
  let position = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position
    const [match] = pattern.exec(text) ?? []
    if (match !== undefined) position += match.length
    return match
  }
  while (position < text.length) {
    const gap = take(space) ?? ''
    if (position === text.length) break
    const token = nextToken(take)
    if (token === undefined) return undefined
    found.push({ ...token, gap })
  }
  return found.length > 0 && isOneExpression(found) ? found : undefined
}

function nextToken(
  take: (pattern: RegExp) => string | undefined,
): Omit<ExpressionToken, 'gap'> | undefined {
  const escaped = take(escapedText)
  if (escaped !== undefined) return { kind: 'text', text: escaped }
  // Open: its backslash would end a text of another kind.
  if (take(escapes) !== undefined) return undefined
  for (const [kind, pattern] of tokens) {
    const text = take(pattern)
    if (text !== undefined) return { kind, text }
  }
  return undefined
}

/** Every bracket is closed by its own kind, none is closed that was not opened, and there is no comment. */
function isOneExpression(found: readonly ExpressionToken[]): boolean {
  if (found.some(({ kind, text }) => kind === 'operator' && /--|\/\*|\*\//.test(text))) return false
  const open: string[] = []
  for (const { kind, text } of found) {
    if (kind !== 'mark') continue
    const opening = openings.get(text)
    if (text === '(' || text === '[') open.push(text)
    else if (opening !== undefined && open.pop() !== opening) return false
    // A comma outside of brackets would begin another element of the list around the expression.
    else if (text === ',' && open.length === 0) return false
  }
  return open.length === 0
}

const openings = new Map([
  [')', '('],
  [']', '['],
])
