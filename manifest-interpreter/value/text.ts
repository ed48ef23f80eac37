import { entries } from './dict.ts'
import { limitError, valueError } from './python-error.ts'
import { isTime } from './time.ts'
import { PyFloat, PyObject, PySet, PyTuple, type Value } from './value.ts'

/** `str(value)` and `repr(value)`. */

/** Nesting beyond this is taken for a list that holds itself. */
const maxDepth = 500
/** Python refuses to write an int with more digits. */
const maxIntDigits = 4300
const intLimit = 10n ** BigInt(maxIntDigits)

export function str(value: Value): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return numberText(value)
  if (isTime(value)) return value.toString()
  if (value instanceof PyObject && value.traits.text !== undefined) return value.traits.text
  return repr(value)
}

export function repr(value: Value): string {
  return reprAt(value, 0)
}

function reprAt(value: Value, depth: number): string {
  if (value === null) return 'None'
  if (typeof value === 'string') return reprText(value)
  if (typeof value === 'number') return numberText(value)
  if (typeof value === 'bigint') return intText(value)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return reprObject(value, depth)
}

function reprObject(value: Exclude<Value, null>, depth: number): string {
  if (depth > maxDepth) throw limitError('The value is nested too deeply.')
  if (Array.isArray(value)) return `[${reprAll(value, depth)}]`
  if (value instanceof PyFloat) return floatText(value.value)
  if (value instanceof PyTuple) {
    return value.items.length === 1
      ? `(${reprAll(value.items, depth)},)`
      : `(${reprAll(value.items, depth)})`
  }
  if (value instanceof PySet) {
    return value.items.length === 0 ? 'set()' : `{${reprAll(value.items, depth)}}`
  }
  if (value instanceof Uint8Array) return reprBytes(value)
  if (isTime(value)) return value.repr()
  if (value instanceof PyObject) return reprOther(value, depth)
  if (typeof value !== 'object') return reprAt(value, depth)
  return reprDict(entries(value), depth)
}

function reprAll(items: readonly Value[], depth: number): string {
  return items.map((item) => reprAt(item, depth + 1)).join(', ')
}

function reprDict(items: readonly (readonly [Value, Value])[], depth: number): string {
  const inside = items.map(([key, item]) => `${reprAt(key, depth + 1)}: ${reprAt(item, depth + 1)}`)
  return `{${inside.join(', ')}}`
}

function reprOther({ traits }: PyObject, depth: number): string {
  if (traits.repr !== undefined) return traits.repr()
  if (traits.text !== undefined) return `${traits.type}(${reprText(traits.text)})`
  const dict = traits.mapping?.()
  return dict === undefined ? `<${traits.type} object>` : reprAt(dict, depth + 1)
}

function numberText(value: number): string {
  return Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER
    ? String(value)
    : floatText(value)
}

function intText(value: bigint): string {
  if (value >= intLimit || value <= -intLimit) {
    throw valueError(`Exceeds the limit (${maxIntDigits} digits) for integer string conversion`)
  }
  return String(value)
}

/**
 * `repr(float)`: the shortest digits that give the same float, with an exponent from 1e16 on and below 1e-4.
 */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0.0'
  const size = Math.abs(value)
  if (value === 0 || (size >= 1e-4 && size < 1e16)) {
    const digits = String(value)
    return digits.includes('.') ? digits : `${digits}.0`
  }
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  const sign = exponent.startsWith('-') ? '-' : '+'
  return `${digits}e${sign}${exponent.slice(1).padStart(2, '0')}`
}

/** The characters that str.isprintable refuses, except the space. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}\p{Zs}]/u
const needsEscape = /['\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u
const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  [' ', ' '],
])

/** The text as a Python literal. */
export function reprText(text: string): string {
  if (!needsEscape.test(text)) return `'${text}'`
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let literal = quote
  for (const char of text) {
    if (char === quote) literal += `\\${char}`
    else literal += shortEscapes.get(char) ?? (unprintable.test(char) ? escapeChar(char) : char)
  }
  return literal + quote
}

function escapeChar(char: string): string {
  const code = char.codePointAt(0) ?? 0
  const hex = code.toString(16)
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

function reprBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1')
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let literal = `b${quote}`
  for (const char of text) {
    if (char === quote) literal += `\\${char}`
    else literal += shortEscapes.get(char) ?? (/[ -~]/.test(char) ? char : escapeChar(char))
  }
  return literal + quote
}
