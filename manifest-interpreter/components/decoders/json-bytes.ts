/** Bytes that structure JSON. */
export const TAB = 9
export const NEWLINE = 10
export const RETURN = 13
export const SPACE = 32
export const QUOTE = 34
export const COMMA = 44
export const COLON = 58
export const OPEN_ARRAY = 91
export const BACKSLASH = 92
export const CLOSE_ARRAY = 93
export const OPEN_OBJECT = 123
export const CLOSE_OBJECT = 125

/**
 * The effect of a byte outside of texts: nothing, opens or closes a container, starts a text, separates
 * elements.
 */
export const NONE = 0
export const OPENS = 1
export const CLOSES = 2
export const QUOTES = 3
export const PARTS = 4

/** By byte. */
export const kinds: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => kindOf(byte))

function kindOf(byte: number): number {
  if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) return OPENS
  if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) return CLOSES
  if (byte === QUOTE) return QUOTES
  return byte === COMMA ? PARTS : NONE
}

export function isSpace(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB
}

export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every(isSpace)
}

export function endsScalar(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || isSpace(byte)
}

const valueStart = /["[{\-0-9A-Za-z]/

export function startsValue(byte: number): boolean {
  return valueStart.test(String.fromCharCode(byte))
}

/** Cuts the text between the brackets of an array at the commas between its elements. */
export function* splitElements(bytes: Uint8Array): Iterable<Uint8Array> {
  let depth = 0
  let from = 0
  for (let position = 0; position < bytes.length; position += 1) {
    const kind = kinds[bytes[position] ?? 0]
    if (kind === QUOTES) position = closingQuote(bytes, position + 1)
    else if (kind === OPENS) depth += 1
    else if (kind === CLOSES) depth -= 1
    else if (kind === PARTS && depth === 0) {
      yield bytes.subarray(from, position)
      from = position + 1
    }
  }
  yield bytes.subarray(from)
}

function closingQuote(bytes: Uint8Array, start: number): number {
  let position = start
  while (position < bytes.length && bytes[position] !== QUOTE)
    position += bytes[position] === BACKSLASH ? 2 : 1
  return position
}
