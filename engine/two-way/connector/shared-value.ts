import {
  parseExactJson,
  stringifyExact,
  type JsonValue,
  type RecordValue,
} from '../../../protocol/index.ts'
import type { SharedKind } from '../shared-kind.ts'

/** The kind of a field of a vendor. `clock` is a time of day, which all sides write alike. */
export type FieldKind = Exclude<SharedKind, 'json' | 'local_time'> | 'clock'

/** Undefined for a type whose values are no text, such as an address or a file. */
export function kindOfType(type: string): FieldKind | undefined {
  const name = type.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  return compound.has(name) ? undefined : (kinds[name] ?? 'text')
}

const compound = new Set([
  ...['address', 'location', 'base64', 'complexvalue', 'json', 'jsonobject', 'object', 'array'],
])

const kinds: Readonly<Record<string, FieldKind | undefined>> = {
  ...{ boolean: 'boolean', bool: 'boolean' },
  ...{ int: 'number', integer: 'number', long: 'number', float: 'number', double: 'number' },
  ...{ number: 'number', decimal: 'number', currency: 'number', percent: 'number' },
  ...{ datetime: 'time', timestamp: 'time', timestamptz: 'time' },
  ...{ date: 'date', timelessdate: 'date', time: 'clock' },
}

/** The shared text of a vendor's value: the one that PostgreSQL has for an equal value. */
export function toSharedText(kind: FieldKind, value: RecordValue): string | null {
  if (value === null) return null
  const text = typeof value === 'string' ? value : stringifyExact(value)
  switch (kind) {
    case 'number':
      return plainDecimal(text) ?? text
    case 'time':
      return utcTime(text) ?? text
    case 'clock':
      return text.replace(/Z$/, '').replace(/(?:\.0*|(\.\d*?)0+)$/, '$1')
    case 'date':
    case 'boolean':
    case 'text':
      return text
  }
}

/** The value that the vendor takes. Throws a TypeError, in words for people, if it cannot be one. */
export function toVendorValue(kind: FieldKind, value: JsonValue): JsonValue {
  if (value === null) return null
  const text = typeof value === 'string' ? value : stringifyExact(value)
  switch (kind) {
    case 'number':
      return parseExactJson(knownAs('a number', plainDecimal(text), text))
    case 'boolean':
      if (text !== 'true' && text !== 'false')
        throw new TypeError(`\`${text}\` is neither true nor false`)
      return text === 'true'
    case 'time':
      // Vendors have milliseconds.
      return knownAs('a time with its zone', utcTime(text), text).replace(/\d{3}Z$/, 'Z')
    case 'date':
    case 'clock':
    case 'text':
      return text
  }
}

function knownAs(kind: string, known: string | undefined, text: string): string {
  if (known === undefined) throw new TypeError(`\`${text}\` is not ${kind}`)
  return known
}

/** Without an exponent, and without zeros that say nothing. Undefined if it is no decimal. */
function plainDecimal(text: string): string | undefined {
  const parts = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text)
  if (parts === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts
  if (whole === '' && fraction === '') return undefined
  const digits = whole + fraction
  const point = whole.length + Number(exponent)
  const before = point <= 0 ? '' : digits.slice(0, point).padEnd(point, '0')
  const after = point < 0 ? '0'.repeat(-point) + digits : digits.slice(point)
  return signed(sign, before.replace(/^0+/, ''), after.replace(/0+$/, ''))
}

function signed(sign: string, integer: string, rest: string): string {
  if (integer === '' && rest === '') return '0'
  const size = rest === '' ? integer : `${integer === '' ? '0' : integer}.${rest}`
  return sign === '-' ? `-${size}` : size
}

/** With microseconds, in UTC. Undefined if it is no time with a zone. */
function utcTime(text: string): string | undefined {
  const parts =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)$/.exec(text)
  if (parts === null) return undefined
  const [, date = '', time = '', fraction = '', zone = ''] = parts
  const utcMs = Date.parse(`${date}T${time}Z`) - offsetMs(zone)
  if (Number.isNaN(utcMs)) return undefined
  const micros = fraction.slice(0, 6).padEnd(6, '0')
  return `${new Date(utcMs).toISOString().slice(0, 19)}.${micros}Z`
}

function offsetMs(zone: string): number {
  const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? []
  const size = (Number(hours) * 60 + Number(minutes)) * 60_000
  return sign === '-' ? -size : size
}
