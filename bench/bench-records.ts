import type { Column, RecordData } from '../protocol/index.ts'

/** 12 columns of the kinds that tables usually have, as in the table of `bench replicate`. */
export const benchColumns: readonly Column[] = [
  { name: 'id', kind: 'integer' },
  { name: 'account_id', kind: 'integer' },
  { name: 'email', kind: 'string' },
  { name: 'name', kind: 'string' },
  { name: 'amount', kind: 'number' },
  { name: 'active', kind: 'boolean' },
  { name: 'verified', kind: 'boolean' },
  { name: 'score', kind: 'double' },
  { name: 'born', kind: 'date' },
  { name: 'created_at', kind: 'timestamptz' },
  { name: 'attributes', kind: 'json' },
  { name: 'note', kind: 'string' },
]

const names = ['Ada Lovelace', 'Grace Hopper', 'Łukasz Żółć', '山田太郎', "Zoë O'Neill"]
const plans = ['free', 'team', 'enterprise']
const startMs = Date.UTC(2020, 0, 1)
const dayMs = 86_400_000

/** Made from the number alone, so that every machine measures the same bytes. */
export function benchRecord(n: number): RecordData {
  return {
    id: n,
    account_id: (n * 7919) % 100_000,
    email: `user${String(n)}@example-${String(n % 97)}.com`,
    name: n % 11 === 0 ? null : (names[n % 5] ?? null),
    amount: n % 13 === 0 ? null : ((n * 104_729) % 100_000_000) / 100,
    active: n % 7 === 0 ? null : n % 2 === 0,
    verified: n % 3 === 0,
    score: (n % 10_007) / 7,
    born: n % 17 === 0 ? null : new Date(((n % 20_000) - 7_305) * dayMs).toISOString().slice(0, 10),
    created_at: new Date(startMs + n * 1_000).toISOString(),
    attributes: {
      plan: plans[n % 3] ?? 'free',
      seats: n % 500,
      tags: [`t${String(n % 19)}`, `u${String(n % 23)}`],
    },
    note: noteOf(n),
  }
}

function noteOf(n: number): string | null {
  if (n % 20 === 0) return 'first line\nsecond\tline \\ end'
  return n % 20 === 1 ? null : `Lorem ipsum dolor sit amet ${String(n % 1009)}`
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': String.raw`\n`,
  '\t': String.raw`\t`,
}

/** The record as a line of COPY TEXT, as Postgres writes it. */
export function copyLineOf(record: RecordData): string {
  const fields = benchColumns.map(({ name, kind }) => {
    const value = record[name]
    if (value === null || value === undefined) return String.raw`\N`
    if (typeof value === 'boolean') return value ? 't' : 'f'
    if (typeof value === 'object') return escaped(JSON.stringify(value))
    const text = String(value)
    return kind === 'timestamptz' ? text.replace('T', ' ').replace('.000Z', '+00') : escaped(text)
  })
  return `${fields.join('\t')}\n`
}

function escaped(text: string): string {
  return text.replaceAll(/[\\\n\t]/g, (character) => escapes[character] ?? character)
}
