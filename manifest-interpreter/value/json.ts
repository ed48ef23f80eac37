import { ExactJsonParser, JsonError, type JsonDialect } from './exact-json-parser.ts'
import { hasUnlikeDigits } from './unlike-digits.ts'
import type { Value } from './value.ts'

/**
 * JSON as Python reads it: ints of any size, floats apart from ints, NaN and Infinity, keys in their order.
 */

/** As json.loads. */
export function parseJson(source: string | Uint8Array): Value {
  return parse(source, 'exact')
}

/**
 * As the reference reads a response: orjson, for which an int beyond 64 bits is a float, and json.loads for
 * texts that orjson refuses (NaN, a lone surrogate, a float beyond a double).
 */
export function parseResponseJson(source: string | Uint8Array): Value {
  try {
    return parse(source, 'orjson')
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    return parse(source, 'exact')
  }
}

/** Parses a text that both dialects read alike; undefined if they might not, or the text is not JSON. */
export function parsePlainJson(text: string): Value | undefined {
  return needsExactParser(text) ? undefined : parseFast(text)
}

/** A digit, for a key, or a surrogate: orjson refuses a lone one. */
const specialEscape = /\\u(?:003\d|[dD][89a-fA-F])/

function needsExactParser(text: string): boolean {
  return (
    !/^\s*[[{]/.test(text) ||
    hasUnlikeDigits(text) ||
    // Most texts have none, and this check takes a fiftieth of the time.
    (text.includes('\\u') && specialEscape.test(text))
  )
}

function parse(source: string | Uint8Array, dialect: JsonDialect): Value {
  const text = typeof source === 'string' ? source : decode(source)
  return parsePlainJson(text) ?? new ExactJsonParser(text, dialect).parse()
}

/** Undefined if the exact parser must report the error, or must read syntax that JSON.parse does not know. */
function parseFast(text: string): Value | undefined {
  try {
    return parseNative(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** JSON.parse makes nothing that is no Value. */
const parseNative: (text: string) => Value = JSON.parse

/** Decodes UTF-8, or UTF-16 if a mark or zero bytes indicate it. */
function decode(bytes: Uint8Array): string {
  try {
    return decodeAs(encodingOf(bytes), bytes)
  } catch (error) {
    if (error instanceof TypeError) throw new JsonError('The text is not in UTF-8', 0)
    throw error
  }
}

function encodingOf([first, second, third]: Uint8Array): string {
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0 && second !== undefined && second !== 0) return 'utf-16be'
  return second === 0 && third !== 0 ? 'utf-16le' : 'utf-8'
}

function decodeAs(encoding: string, bytes: Uint8Array): string {
  return new TextDecoder(encoding, { fatal: true }).decode(bytes)
}
