/**
 * Where a text stops being JSON, in words; undefined if it is JSON. Never a part of the text, which may hold
 * secrets.
 */
export function jsonProblem(text: string): string | undefined {
  const message = parseFailure(text)
  if (message === undefined) return undefined
  if (text.trim() === '') return 'it is empty'
  if (isCutOff(text, message))
    return 'it ends too early: a quotation mark or a bracket is not closed'
  const { line, column } = placeOf(text, offsetOf(text, message))
  return `line ${String(line)}, column ${String(column)} is not as JSON has it`
}

function parseFailure(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function isCutOff(text: string, message: string): boolean {
  const isAtEnd = offsetIn(message) === text.length
  return isAtEnd || /^Unexpected end|^Unterminated string/.test(message)
}

function offsetIn(message: string): number | undefined {
  const [, position] = / at position (\d+)/.exec(message) ?? []
  return position === undefined ? undefined : Number(position)
}

function offsetOf(text: string, message: string): number {
  const known = offsetIn(message)
  if (known !== undefined) return known
  // A wrong token has no position in the message: it ends the shortest beginning of the text that has it.
  let fine = 0
  let wrong = text.length
  while (wrong - fine > 1) {
    const middle = (fine + wrong) >> 1
    if (parseFailure(text.slice(0, middle))?.startsWith('Unexpected token') === true) wrong = middle
    else fine = middle
  }
  return wrong - 1
}

function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const lines = text.slice(0, offset).split('\n')
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}
