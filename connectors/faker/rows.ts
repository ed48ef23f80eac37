import type { JsonObject, RecordData } from '../../protocol/index.ts'
import type { FakerStream } from './config.ts'

/** Makes record `n` of a stream: a pure function of seed, stream and `n`. */
export type RowMaker = (n: number) => RecordData

const nullable = (type: string, more: JsonObject = {}): JsonObject => ({
  type: ['null', type],
  ...more,
})
const timestamp = nullable('string', {
  format: 'date-time',
  airbyte_type: 'timestamp_with_timezone',
})

/** The columns of each preset: those of a typical business table, in the order of the wire. */
export const columnsOfPreset: Readonly<Record<FakerStream['columns'], JsonObject>> = {
  typical: {
    id: { type: 'integer' },
    email: nullable('string'),
    name: nullable('string'),
    notes: nullable('string'),
    amount: nullable('number'),
    score: nullable('number', { airbyte_type: 'double' }),
    active: nullable('boolean'),
    verified: nullable('boolean'),
    born: nullable('string', { format: 'date' }),
    created_at: timestamp,
    updated_at: timestamp,
    attributes: nullable('object'),
  },
  narrow: { id: { type: 'integer' }, name: nullable('string'), updated_at: timestamp },
}

/** `updated_at` grows with the id, one second a record, from 2020-01-01. */
const firstUpdateMs = Date.UTC(2020, 0, 1)
const dayMs = 86_400_000

export function rowMaker(seed: number, stream: FakerStream): RowMaker {
  const salt = saltOf(`${seed}/${stream.name}`)
  return makers[stream.columns](salt, padding(stream))
}

const makers: Readonly<Record<FakerStream['columns'], (salt: number, pad: string) => RowMaker>> = {
  typical: (salt, pad) => (n) => typicalRow(n, random(salt, n), pad),
  narrow: (salt, pad) => (n) => ({
    id: n + 1,
    name: pick(names, random(salt, n)) + pad,
    updated_at: isoTime(firstUpdateMs + n * 1000),
  }),
}

function typicalRow(n: number, bits: number, pad: string): RecordData {
  const more = random(bits, n)
  const updatedMs = firstUpdateMs + n * 1000
  return {
    id: n + 1,
    email: `user${n + 1}@${pick(domains, more >>> 3)}`,
    name: pick(names, bits),
    notes: bits % 7 === 0 ? null : pick(texts, more) + pad,
    amount: ((more >>> 1) % 100_000_000) / 100,
    score: more % 5 === 0 ? null : (bits % 1_000_003) / 997,
    active: (bits & 8) === 0,
    verified: bits % 3 === 0 ? null : (bits & 16) === 0,
    born: bits % 4 === 0 ? null : isoDay((more % 20_000) * dayMs),
    created_at: isoTime(updatedMs - (bits % 1_000_000) * 1000),
    updated_at: isoTime(updatedMs),
    attributes: {
      plan: pick(plans, more >>> 5),
      seats: (more % 500) + 1,
      tags: ['größe "L"'],
    },
  }
}

const domains = ['example.com', 'example.org', 'mail.example.net']
const plans = ['free', 'team', 'business', 'enterprise']
const names = [
  'Ada Lovelace',
  'José Ñúñez',
  '山田 太郎',
  'Мария Иванова',
  'محمد علي',
  'O’Brien, "Pat"',
  'Zoë 🚀 Müller',
  'Nguyễn Thị Minh',
]
/**
 * Texts with characters that break careless encoders: tabs, newlines, backslashes, quotes, four-byte
 * characters.
 */
const texts = [
  'Called twice; wants an offer for 40 seats.',
  'First line\nsecond\twith a tab, a \\ and \\N',
  'She said "yes", he said \'no\' — 見積書を送付しました。',
  'Заказ № 42; 😀 naïve café, 100 %',
]

/** 32 well-mixed bits of two numbers (the finalizer of MurmurHash3). */
function random(salt: number, n: number): number {
  let bits =
    salt ^ Math.imul(n + 1, 0x9e3779b1) ^ Math.imul(Math.floor(n / 0x1_0000_0000), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

/** FNV-1a. */
function saltOf(text: string): number {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return hash >>> 0
}

function pick(from: readonly string[], bits: number): string {
  return from[bits % from.length] ?? ''
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

function isoDay(ms: number): string {
  return isoTime(ms).slice(0, 10)
}

/** Bytes of JSON of an unpadded row, measured over 100,000 rows (2026-11-25). */
const unpaddedBytes: Readonly<Record<FakerStream['columns'], number>> = { typical: 365, narrow: 79 }

function padding({ row_bytes: rowBytes, columns }: FakerStream): string {
  return rowBytes === undefined ? '' : 'x'.repeat(Math.max(0, rowBytes - unpaddedBytes[columns]))
}
