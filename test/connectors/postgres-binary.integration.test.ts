import { expect, test } from 'vitest'
import type { BinaryRows, ReadTask, RecordOutput } from '../../connectors/connector.ts'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import { BlockEncoder, type EncodedBlock } from '../../protocol/avro/block-encoder.ts'
import type { BinaryType } from '../../protocol/avro/copy-binary-fields.ts'
import { columnsOf, type Column, type JsonValue } from '../../protocol/index.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { contextOf, discovered, fullRefreshOf } from './collected.ts'
import { createThings } from './every-type.ts'

const emittedAtMs = 1_700_000_000_000

/** Encodes what a read gives, as an engine does; binary COPY only if it says that it takes it. */
class Encoded implements RecordOutput {
  readonly bytes: Uint8Array[] = []
  readonly states: JsonValue[] = []
  readonly formats = new Set<string>()
  /** As the source counts them, of binary COPY. */
  rows = 0
  readonly #encoder: BlockEncoder
  readonly copyBinary?: NonNullable<RecordOutput['copyBinary']>

  constructor(columns: readonly Column[], takes: 'text' | 'binary') {
    this.#encoder = new BlockEncoder({
      columns,
      maxRecordBytes: 64 * 1024 * 1024,
      blockBytes: 10_000,
    })
    if (takes === 'binary') this.copyBinary = (rows, types) => this.#binary(rows, types)
  }

  records(): Promise<void> {
    throw new Error('the source makes no objects')
  }

  copyText(lines: Uint8Array): Promise<void> {
    this.formats.add('text')
    return this.#encode(lines.length, (from) => this.#encoder.copyText(lines, from, emittedAtMs))
  }

  state(state: JsonValue): Promise<void> {
    this.states.push(state)
    return Promise.resolve()
  }

  rateLimited(): void {
    throw new Error('nothing is limited')
  }

  #binary({ bytes, count }: BinaryRows, types: readonly BinaryType[]): Promise<void> {
    this.formats.add('binary')
    this.rows += count
    return this.#encode(bytes.length, (from) =>
      this.#encoder.copyBinary(bytes, from, { types, emittedAtMs }),
    )
  }

  #encode(length: number, step: (from: number) => number): Promise<void> {
    for (let from = 0; from < length;) {
      from = step(from)
      const block: EncodedBlock | undefined = this.#encoder.take()
      if (block !== undefined) this.bytes.push(block.bytes)
    }
    return Promise.resolve()
  }
}

async function encoded(db: TestDatabase, takes: 'text' | 'binary'): Promise<Encoded> {
  const config = { ...db.address, schemas: ['public'] }
  const stream = fullRefreshOf(await discovered(postgresConnector, config, 'things'))
  await using session = await postgresConnector.openRead(config, contextOf())
  const out = new Encoded(columnsOf(stream.stream.json_schema), takes)
  for (const { slice, state } of await session.plan(stream, new Map())) {
    const task: ReadTask = { config, stream, slice, state, session: session.shared }
    await postgresConnector.read(task, out, contextOf())
  }
  return out
}

async function expectSameBytes(db: TestDatabase): Promise<void> {
  const [text, binary] = [await encoded(db, 'text'), await encoded(db, 'binary')]
  expect([...text.formats, ...binary.formats]).toEqual(['text', 'binary'])
  expect(Buffer.concat(binary.bytes).equals(Buffer.concat(text.bytes))).toBe(true)
  expect(binary.states.at(-1)).toEqual(text.states.at(-1))
  expect(await db.query('SELECT count(*)::int AS rows FROM things')).toEqual([
    { rows: binary.rows },
  ])
}

test('the two formats of COPY give the same bytes of the wire, for any value', async () => {
  await using db = await testDatabase()
  await createThings(db)
  await expectSameBytes(db)
})

test.each([
  ['int2', `(n - 50)::int2`],
  ['uuid', `gen_random_uuid()`],
  ['text', `'k' || n`],
] as const)('a key of type %s is told from binary rows', async (type, value) => {
  await using db = await testDatabase()
  await db.query(`CREATE TABLE things (v text, id ${type} PRIMARY KEY)`)
  await db.query(
    `INSERT INTO things SELECT repeat('x', n), ${value} FROM generate_series(1, 100) AS n`,
  )
  await expectSameBytes(db)
})

test('a table without a key, and one without rows, are read as binary too', async () => {
  await using db = await testDatabase()
  await db.query('CREATE TABLE things (id int PRIMARY KEY)')
  expect(await encoded(db, 'binary')).toMatchObject({ bytes: [], states: [{ done: true }] })
  await db.query('ALTER TABLE things DROP CONSTRAINT things_pkey')
  await db.query('INSERT INTO things SELECT generate_series(1, 100)')
  await expectSameBytes(db)
})

test('numbers of the most digits that the server takes are told from binary rows', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE TABLE things (id int PRIMARY KEY, n numeric);
     INSERT INTO things VALUES (1, repeat('9', 131068)::numeric), (2, (repeat('9', 131068) || '.5')::numeric),
       (3, -(repeat('8', 131072) || '.' || repeat('7', 16383))::numeric), (4, 5)`,
  )
  await expectSameBytes(db)
})

test('a table with a type that has no binary form here is read as text', async () => {
  await using db = await testDatabase()
  await db.query('CREATE TABLE things (id int PRIMARY KEY, f float4)')
  await db.query('INSERT INTO things VALUES (1, 0.1)')
  expect([...(await encoded(db, 'binary')).formats]).toEqual(['text'])
})
