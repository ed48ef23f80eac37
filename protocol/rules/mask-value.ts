import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { ColumnKind } from '../columns.ts'
import { stringifyExact } from '../exact-json.ts'
import type { RecordValue } from '../json.ts'
import { formatDecimal, parseDecimal } from './decimal.ts'
import { heldValue } from './held-value.ts'
import { heldMoment, isMomentKind, momentText } from './moments.ts'
import type { Mask } from './record-rules.ts'

/** The beginning of a value that `keep_last` has shortened: its length says nothing about the value's. */
export const hiddenBeginning = '****'

/** Returns a value as its mask shows it. */
export type MaskValue = (value: Exclude<RecordValue, null>) => RecordValue

/** @param hashKey needed for a hash */
export function maskOf(mask: Mask, kind: ColumnKind, hashKey: string | undefined): MaskValue {
  switch (mask.as) {
    case 'null':
      return () => null
    case 'constant':
      return () => mask.text
    case 'keep_last':
      return (value) => lastOf(canonicalText(kind, value), mask.characters)
    case 'hash': {
      const hash = new ValueHash(hashKey)
      return (value) => hash.of(bytesOf(kind, value) ?? canonicalText(kind, value))
    }
  }
}

/** The HMAC-SHA-256 of values, in hex: equal values have equal hashes. */
export class ValueHash {
  readonly #key: KeyObject

  constructor(key: string | undefined) {
    if (key === undefined || key === '') throw new TypeError('a hash without a key')
    this.#key = createSecretKey(key, 'utf8')
  }

  of(value: string | Uint8Array): string {
    return createHmac('sha256', this.#key).update(value).digest('hex')
  }
}

/**
 * One text for all ways to write a value, whatever the source: `5`, `5.0` and the text `5` are the same, and
 * so is a moment in every zone. A value that its column cannot hold is its own text.
 */
export function canonicalText(kind: ColumnKind, value: Exclude<RecordValue, null>): string {
  if (kind === 'integer' || kind === 'number' || kind === 'double') return numberText(kind, value)
  if (typeof value !== 'string') return stringifyExact(value)
  if (isMomentKind(kind)) {
    const moment = heldMoment(kind, value)
    return moment === undefined ? value : momentText(kind, moment)
  }
  return value
}

/** The bytes of a value that has them: as they are, or in base64. */
function bytesOf(kind: ColumnKind, value: RecordValue): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value
  return kind === 'bytes' && typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
}

function numberText(
  kind: 'integer' | 'number' | 'double',
  value: Exclude<RecordValue, null>,
): string {
  const held = heldValue(kind, value)
  if (held === null) return typeof value === 'string' ? value : stringifyExact(value)
  const decimal = parseDecimal(String(held))
  return decimal === undefined ? String(held) : formatDecimal(decimal)
}

function lastOf(text: string, characters: number): string {
  const all = Array.from(text)
  if (all.length <= characters) return hiddenBeginning
  return hiddenBeginning + all.slice(-characters).join('')
}
