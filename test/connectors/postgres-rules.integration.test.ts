import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parsePostgresConfig } from '../../connectors/postgres/config.ts'
import { SourceSession } from '../../connectors/postgres/session.ts'
import { findSource, type StreamSource } from '../../connectors/postgres/stream-source.ts'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import { HashedFields } from '../../connectors/postgres/hashed-fields.ts'
import { BlockEncoder } from '../../protocol/avro/block-encoder.ts'
import { decodeBlock } from '../../protocol/avro/decode-block.ts'
import { columnsOf, type Column, type ColumnKind, type RecordData } from '../../protocol/index.ts'
import { recordRuler } from '../../protocol/rules/apply-rules.ts'
import { conditionTest } from '../../protocol/rules/evaluate-condition.ts'
import { ValueHash } from '../../protocol/rules/mask-value.ts'
import { parseCondition } from '../../protocol/rules/parse-condition.ts'
import { sinkColumn, type Mask, type RecordRules } from '../../protocol/rules/record-rules.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { silent } from '../support/logger.ts'
import { discovered, fullRefreshOf } from './collected.ts'

const types = {
  small: 'smallint',
  big: 'bigint',
  amount: 'numeric',
  ratio: 'double precision',
  single: 'real',
  label: 'text',
  short: 'varchar(40)',
  spoken: 'text COLLATE "en-x-icu"',
  code: 'uuid',
  kind: 'mood',
  ok: 'boolean',
  day: 'date',
  at: 'timestamptz',
  clock: 'timestamp',
  hour: 'time',
  document: 'jsonb',
} as const

/** Values of each column, as SQL writes them; also the edges of its type. */
const pools: Readonly<Record<keyof typeof types, readonly string[]>> = {
  small: ['-32768', '0', '5', '32767'],
  big: ['-9223372036854775808', '0', '9007199254740993', '9007199254740992', '5'],
  amount: ['NaN', '0.1', '0.10000000000000000001', '-1.50', '1e25', '5', 'Infinity'],
  ratio: ['NaN', '0.1', '0.30000000000000004', '-0', 'Infinity', '1e308', '5'],
  single: ['0.1', '16777216', '-1.5', 'NaN'],
  label: ['', 'a', 'A', 'ä', 'z', 'é', '💥', '\uffff', "it''s", '100%', 'a_b', 'a\\\\b', 'paid'],
  short: ['', 'a', 'A', 'paid', 'Z', '💥'],
  spoken: ['a', 'B', 'ä', 'Z', ''],
  code: ['00000000-0000-0000-0000-000000000001', 'ffffffff-0000-0000-0000-000000000001'],
  kind: ['happy', 'sad'],
  ok: ['true', 'false'],
  day: ['2000-01-01', '1999-12-31', 'infinity', '-infinity', '0001-01-01', '9999-12-31'],
  at: ['2026-01-31 18:30:00+02', '2026-01-31 16:30:00.000001Z', 'infinity', '1969-12-31 23:59:59Z'],
  clock: ['2026-01-31 18:30:00', '2026-01-31 18:30:00.5', '1900-01-01 00:00:00'],
  hour: ['00:00:00', '18:30:00.25', '24:00:00'],
  document: ['{"a":1}', '[]'],
}
const names = Object.keys(types) as (keyof typeof types)[]

async function tableOfEdges(db: TestDatabase): Promise<void> {
  await db.query(`CREATE TYPE mood AS ENUM ('sad', 'happy')`)
  const columns = names.map((name) => `${name} ${types[name]}`)
  await db.query(`CREATE TABLE edges (id int PRIMARY KEY, ${columns.join(', ')})`)
  const rows = Array.from({ length: 60 }, (_, row) =>
    names.map((name, column) => {
      const pool = pools[name]
      const value = pool[(row * 7 + column * 3 + (row >> 3)) % (pool.length + 1)]
      if (value === undefined) return 'NULL'
      return value.includes('\\') ? `E'${value}'` : `'${value}'`
    }),
  )
  const values = rows.map((row, id) => `(${String(id)}, ${row.join(', ')})`)
  await db.query(`INSERT INTO edges VALUES ${values.join(', ')}`)
}

const literals: Readonly<Record<string, readonly string[]>> = {
  integer: ['0', '5', '-32768', '5.5', '9007199254740993', '99999999999999999999999'],
  number: ['0.1', '0.10', '0.10000000000000000001', '-1.5', '5', '10000000000000000000000000'],
  double: ['0.1', '0', '5', '-1.5', '16777216'],
  string: [
    "''",
    "'a'",
    "'A'",
    "'ä'",
    "'Z'",
    "'💥'",
    "'\uffff'",
    "'it''s'",
    "'paid'",
    "'happy'",
    "'a\\b'",
  ],
  boolean: ['true', 'false'],
  date: ["'2000-01-01'", "'0001-01-01'", "'9999-12-31'"],
  timestamptz: ["'2026-01-31T16:30:00Z'", "'2026-01-31'", "'2026-01-31 18:30:00.000001+02:00'"],
  timestamp: ["'2026-01-31 18:30:00'", "'2026-01-31'"],
  time: ["'18:30:00.25'", "'00:00:00'", "'24:00:00'"],
}
const patterns = ["'%'", "'a%'", "'_'", "'%\\%'", "'%s%'", "'a\\\\b'", "'p_id'", "'💥'"]

/** Texts of conditions over the columns. */
function conditions(columns: readonly Column[]): fc.Arbitrary<string> {
  const predicate = fc.constantFrom(...columns).chain(({ name, kind }) => {
    const isNull = fc.constantFrom(`${name} is null`, `${name} is not null`)
    const pool = literals[kind]
    if (pool === undefined) return isNull
    const value = fc.constantFrom(...pool)
    const signs = kind === 'boolean' ? ['=', '<>'] : ['=', '<>', '!=', '<', '<=', '>', '>=']
    const compared = fc
      .tuple(fc.constantFrom(...signs), value)
      .map((parts) => `${name} ${parts.join(' ')}`)
    const listed = fc
      .tuple(fc.constantFrom('in', 'not in'), fc.array(value, { minLength: 1, maxLength: 3 }))
      .map(([word, values]) => `${name} ${word} (${values.join(', ')})`)
    const like = fc
      .tuple(fc.constantFrom('like', 'not like'), fc.constantFrom(...patterns))
      .map(([word, pattern]) => `${name} ${word} ${pattern}`)
    return fc.oneof(isNull, compared, listed, ...(kind === 'string' ? [like] : []))
  })
  const { condition } = fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      predicate,
      tie('condition').map((part) => `not (${part})`),
      fc
        .tuple(tie('condition'), fc.constantFrom('and', 'or'), tie('condition'))
        .map(([left, word, right]) => `(${left} ${word} ${right})`),
    ),
  }))
  return condition
}

interface Edges extends AsyncDisposable {
  readonly session: SourceSession
  readonly columns: readonly Column[]
  readonly source: (rules?: RecordRules) => Promise<StreamSource>
}

async function openEdges(db: TestDatabase, name = 'edges'): Promise<Edges> {
  const config = { ...db.address, schemas: ['public'] }
  const stream = fullRefreshOf(await discovered(postgresConnector, config, name))
  const session = await SourceSession.open(parsePostgresConfig(config), { logger: silent })
  const { table } = await findSource(session, stream)
  return {
    session,
    columns: columnsOf(stream.stream.json_schema),
    source: (rules) => findSource(session, stream, { table, rules }),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  }
}

/** The rows of a source in the order of the key, as a read worker decodes them. */
async function recordsOf(
  { session }: Edges,
  source: StreamSource,
  { columns, hashes }: { readonly columns: readonly Column[]; readonly hashes?: HashedFields },
): Promise<RecordData[]> {
  const select = `SELECT ${source.selectList} FROM ${source.from} ORDER BY id`
  const copy = session.copy(select, { stream: 'edges', columns: columns.length })
  const encoder = new BlockEncoder({ columns, maxRecordBytes: Number.POSITIVE_INFINITY })
  const signal = new AbortController().signal
  const records: RecordData[] = []
  for (let chunk = await copy.next(signal); chunk !== undefined; chunk = await copy.next(signal)) {
    const lines = hashes?.hide(chunk).bytes ?? chunk.bytes
    encoder.copyText(lines, 0, 0)
    const block = encoder.take()
    if (block !== undefined)
      records.push(
        ...decodeBlock(block.bytes, block.count, columns, 'digits').map(({ data }) => data),
      )
  }
  return records
}

function rulesWith(columns: readonly Column[], rules: Partial<RecordRules>): RecordRules {
  const all = columns.map((column) => ({ ...column, newName: column.name }))
  return { columns: all, conditionSchemas: {}, passesUndeclared: true, excluded: [], ...rules }
}

test('the server and the read worker choose the same rows, for whatever condition', async () => {
  await using db = await testDatabase()
  await tableOfEdges(db)
  await using edges = await openEdges(db)
  const { columns, session } = edges
  const records = await recordsOf(edges, await edges.source(), { columns })
  expect(records).toHaveLength(60)
  const texts = fc.sample(conditions(columns), { numRuns: 600 })
  let chosen = 0
  for (let from = 0; from < texts.length; from += 100) {
    const some = await Promise.all(
      texts.slice(from, from + 100).map(async (text) => {
        const parsed = parseCondition(text, columns)
        if ('problem' in parsed) throw new Error(`${text}: ${parsed.problem}`)
        const { condition } = parsed
        const { where } = await edges.source(rulesWith(columns, { where: condition }))
        return { text, where: where ?? '', test: conditionTest(condition) }
      }),
    )
    const rows = await session.userRows<{ truths: readonly boolean[] }>(
      `SELECT ARRAY[${some.map(({ where }) => `${where} IS TRUE`).join(', ')}] AS truths FROM public.edges ORDER BY id`,
    )
    for (const [index, { text, where, test: passes }] of some.entries()) {
      const here = records.map(passes)
      expect([text, where, here]).toEqual([text, where, rows.map(({ truths }) => truths[index])])
      chosen += here.filter(Boolean).length
    }
  }
  expect(chosen).toBeGreaterThan(5_000)
})

test('masks give the same values at the server, in its lines and in the read worker', async () => {
  await using db = await testDatabase()
  await tableOfEdges(db)
  await using edges = await openEdges(db)
  const { columns } = edges
  const plain = await recordsOf(edges, await edges.source(), { columns })
  const hashKey = 'a key of the test'
  const masks: readonly Mask[] = [
    { as: 'null' },
    { as: 'constant', text: "it's \\ hidden" },
    { as: 'keep_last', characters: 2 },
    { as: 'hash' },
  ]
  const isPossible = (kind: ColumnKind, { as }: Mask): boolean =>
    as === 'keep_last' ? kind === 'string' || kind === 'integer' : as !== 'hash' || kind !== 'json'
  for (const mask of masks) {
    const rules = rulesWith(columns, {
      columns: columns.map((column) => ({
        ...column,
        newName: column.name,
        ...(column.name !== 'id' && isPossible(column.kind, mask) && { mask }),
      })),
    })
    const fields = rules.columns.flatMap(({ kind, mask: own }, index) =>
      own?.as === 'hash' ? [{ index, kind }] : [],
    )
    const masked = await recordsOf(edges, await edges.source(rules), {
      columns: rules.columns.map(sinkColumn),
      ...(fields.length > 0 && { hashes: new HashedFields(fields, hashKey) }),
    })
    const rule = recordRuler({ ...rules, hashKey })
    expect(masked).toEqual(plain.map(rule))
  }
})

/** SQL types, a value, and its text for conditions and masks, which is also the one that arrives. */
const texts: readonly (readonly [type: string, value: string, text: string])[] = [
  ['text', 'x', 'x'],
  ['varchar(9)', 'x ', 'x '],
  // It arrives with the blanks that fill it up.
  ['char(3)', 'x', 'x'],
  ['char(12)', 'x', 'x'],
  ['"char"', 'x', 'x'],
  ['name', 'a name', 'a name'],
  ['inet', '10.0.0.1', '10.0.0.1'],
  ['inet', '10.1.2.3/8', '10.1.2.3/8'],
  ['cidr', '10.0.0.0/8', '10.0.0.0/8'],
  ['macaddr', '08:00:2B:01:02:03', '08:00:2b:01:02:03'],
  ['xml', '<?xml version="1.0" encoding="UTF-8"?><a>1</a>', '<a>1</a>'],
  ['citext', 'MiXed', 'MiXed'],
  ['shouted', 'sad', 'sad'],
  ['bit(4)', '0101', '0101'],
  ['varbit', '01', '01'],
  ['int4range', '[1,4]', '[1,5)'],
  ['point', '(1,2)', '(1,2)'],
  ['tsvector', 'fat cat', "'cat' 'fat'"],
  ['money', '1234.56', '1234.56'],
  ['pg_lsn', '16/B374D848', '16/B374D848'],
  ['interval', '1 day', 'P1D'],
]

function unpadded(type: string, arrived: unknown): unknown {
  return type.startsWith('char(') && typeof arrived === 'string' ? arrived.trimEnd() : arrived
}

test('conditions and masks work on the text that arrives, whatever a cast to text gives', async () => {
  await using db = await testDatabase()
  await db.query('CREATE EXTENSION IF NOT EXISTS citext')
  await db.query(`CREATE TYPE shouted AS ENUM ('sad')`)
  await db.query(
    `CREATE FUNCTION shout(shouted) RETURNS text LANGUAGE sql AS $$ SELECT 'SAD!'::text $$`,
  )
  await db.query('CREATE CAST (shouted AS text) WITH FUNCTION shout(shouted)')
  const declared = texts.map(([type], index) => `c${index} ${type}`)
  await db.query(`CREATE TABLE texts (id int PRIMARY KEY, ${declared.join(', ')})`)
  const values = texts.map(([, value]) => `'${value}'`)
  await db.query(`INSERT INTO texts VALUES (1, ${values.join(', ')})`)
  await db.query('INSERT INTO texts (id) VALUES (2)')
  await using edges = await openEdges(db, 'texts')
  const { columns, session } = edges
  const [plain = {}] = await recordsOf(edges, await edges.source(), { columns })
  const hashKey = 'a key of the test'
  const fieldsOf = async (mask: Mask): Promise<RecordData[]> => {
    const rules = rulesWith(columns, {
      columns: columns.map((column) => ({
        ...column,
        newName: column.name,
        ...(column.name !== 'id' && { mask }),
      })),
    })
    const fields = rules.columns.flatMap(({ kind }, index) => (index > 0 ? [{ index, kind }] : []))
    return recordsOf(edges, await edges.source(rules), {
      columns: rules.columns.map(sinkColumn),
      ...(mask.as === 'hash' && { hashes: new HashedFields(fields, hashKey) }),
    })
  }
  const [hashed = {}, noHash = {}] = await fieldsOf({ as: 'hash' })
  const [shortened = {}, noText = {}] = await fieldsOf({ as: 'keep_last', characters: 2 })
  const seen = []
  for (const [index, [type, , text]] of texts.entries()) {
    const name = `c${String(index)}`
    const literal = `'${text.replaceAll("'", "''")}${type.startsWith('char(') ? '  ' : ''}'`
    const truths = []
    for (const written of [
      `${name} = ${literal}`,
      `${name} in (${literal})`,
      `not ${name} <> ${literal}`,
    ]) {
      const parsed = parseCondition(written, columns)
      if ('problem' in parsed) throw new Error(`${written}: ${parsed.problem}`)
      const { where } = await edges.source(rulesWith(columns, { where: parsed.condition }))
      const rows = await session.userRows<{ id: string }>(
        `SELECT id::text FROM public.texts WHERE ${where ?? ''}`,
      )
      truths.push(rows.map(({ id }) => id))
    }
    seen.push([
      type,
      unpadded(type, plain[name]),
      { truths, hash: hashed[name], last: shortened[name], none: [noHash[name], noText[name]] },
    ])
  }
  expect(seen).toEqual(
    texts.map(([type, , text]) => [
      type,
      text,
      {
        truths: [['1'], ['1'], ['1']],
        hash: new ValueHash(hashKey).of(text),
        last: text.length > 2 ? `****${text.slice(-2)}` : '****',
        none: [null, null],
      },
    ]),
  )
})
