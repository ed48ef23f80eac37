import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, zstdCompressSync } from 'node:zlib'
import type Avsc from 'avsc'
import { expect, test } from 'vitest'
import { columnsOf, stringifyExact, type RecordData } from '../../protocol/index.ts'
import { avroProperties, readAvro } from '../../rows/avro/read-avro.ts'
import { parquetProperties, readParquet } from '../../rows/parquet/read-parquet.ts'
import type { ByteSource, OpenBytes, RowBatch, RowPosition } from '../../rows/row-source.ts'

const avsc = createRequire(import.meta.url)('avsc') as typeof Avsc

async function collect(batches: AsyncIterable<RowBatch>): Promise<RowBatch[]> {
  const all: RowBatch[] = []
  for await (const batch of batches) all.push(batch)
  return all
}

async function rowsOf(batches: AsyncIterable<RowBatch>): Promise<RecordData[]> {
  return (await collect(batches)).flatMap(({ rows }) => rows)
}

/** Written by pyarrow 22 with page indexes (snappy) and decimals as integers (lz4), 15 rows a group. */
function fixture(name: string): ByteSource {
  const bytes = readFileSync(join(import.meta.dirname, 'fixtures', name))
  return { size: bytes.length, read: (from, to) => Promise.resolve(bytes.subarray(from, to)) }
}

test.each(['every-type-snappy.parquet', 'every-type-lz4.parquet'])(
  'the types of %s are kinds of columns, and its values are exact',
  async (name) => {
    const source = fixture(name)
    const kinds = columnsOf({ properties: await parquetProperties(source) })
    expect(Object.fromEntries(kinds.map((column) => [column.name, column.kind]))).toEqual({
      ...{ id: 'integer', big: 'integer', u: 'number', price: 'number', small: 'number' },
      ...{ ok: 'boolean', d: 'date', ts: 'timestamptz', tn: 'timestamp', tm: 'time' },
      ...{ s: 'string', b: 'bytes', f: 'double', l: 'json', st: 'json', m: 'json' },
    })
    const rows = await rowsOf(readParquet(source, undefined))
    expect(rows).toHaveLength(40)
    expect(rows[0]).toMatchObject({ price: null, st: null, l: [], id: 0 })
    expect(stringifyExact(rows[39] ?? {})).toBe(
      '{"id":39,"big":4611686018427387943,"u":9223372036854775847,"price":390000002.73,"small":-0.039,' +
        '"ok":false,"d":"2020-02-09","ts":"2020-09-13T12:26:40.123495Z","tn":"2020-09-13T12:26:40.123456828",' +
        '"tm":"00:00:39.000039","s":"text 4 ü","b":"J/8=","f":13,"l":[],' +
        '"st":{"a":39,"p":3.9,"w":[{"x":"2020-01-01"}]},"m":{"k":39}}',
    )
    const some = await rowsOf(readParquet(source, new Set(['s', 'id']), { rows: 22 }))
    expect(some).toEqual(rows.slice(22).map(({ id, s }) => ({ id, s })))
  },
)

test.each(['all-null-snappy.parquet', 'all-null-lz4.parquet'])(
  'a column without a value has pages without bytes: %s',
  async (name) => {
    const rows = await rowsOf(readParquet(fixture(name), undefined))
    expect(rows).toEqual([
      { id: 1n, note: null },
      { id: 2n, note: null },
    ])
  },
)

test('a file that is no Parquet file is named as one', async () => {
  const bytes = Buffer.from('no parquet at all, and a few bytes more')
  const source = { size: bytes.length, read: () => Promise.resolve(bytes) }
  await expect(parquetProperties(source)).rejects.toThrow(/is no Parquet file that can be read/)
})

const schema = {
  type: 'record',
  name: 'shop.Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 2 } },
    { name: 'note', type: ['null', 'string'], default: null },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'day', type: { type: 'int', logicalType: 'date' } },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'] } },
    { name: 'tags', type: { type: 'map', values: { type: 'array', items: 'int' } } },
    { name: 'parent', type: ['null', 'shop.Order'], default: null },
    { name: 'score', type: 'double' },
  ],
} as const

function order(id: number) {
  const price = Buffer.from((BigInt(id) * 100n + 5n).toString(16).padStart(10, '0'), 'hex')
  const own = { id, price, at: 1_600_000_000_123_456, day: 18_262, kind: 'B', score: 0.5 }
  return {
    ...own,
    note: id % 2 === 0 ? null : `note ${String(id)}`,
    tags: { a: [1, id] },
    parent: null,
  }
}

/** An object container file of blocks of 100 rows. */
function avroFile(count: number, codec: string, compress: (bytes: Buffer) => Buffer): Buffer {
  // Without logical types: values are given as they are encoded.
  const type = avsc.Type.forSchema(schema as unknown as Avsc.Schema, { wrapUnions: false })
  const blocks: AvroBlock[] = []
  for (let start = 0; start < count; start += 100) {
    const rows = Array.from({ length: Math.min(100, count - start) }, (_, n) =>
      type.toBuffer(order(start + n)),
    )
    blocks.push({ count: rows.length, bytes: compress(Buffer.concat(rows)) })
  }
  return containerOf(schema, blocks, codec)
}

interface AvroBlock {
  readonly count: number
  /** Compressed. */
  readonly bytes: Buffer
}

function containerOf(avro: object, blocks: readonly AvroBlock[], codec = 'null'): Buffer {
  const long = avsc.Type.forSchema('long')
  const meta = avsc.Type.forSchema({ type: 'map', values: 'bytes' })
  const sync = Buffer.alloc(16, 7)
  const header = meta.toBuffer({
    'avro.schema': Buffer.from(JSON.stringify(avro)),
    'avro.codec': Buffer.from(codec),
  })
  const parts = blocks.flatMap(({ count, bytes }) => {
    return [long.toBuffer(count), long.toBuffer(bytes.length), bytes, sync]
  })
  return Buffer.concat([Buffer.from('Obj\x01', 'latin1'), header, sync, ...parts])
}

function opened(bytes: Buffer): OpenBytes {
  return async function* (from) {
    for (let start = from; start < bytes.length; start += 333) {
      await Promise.resolve()
      yield bytes.subarray(start, start + 333)
    }
  }
}

test.each([
  ['null', (bytes: Buffer) => bytes],
  ['deflate', deflateRawSync],
  ['zstandard', zstdCompressSync],
] as const)('Avro with the codec %s, from every block on', async (codec, compress) => {
  const open = opened(avroFile(250, codec, compress))
  const kinds = columnsOf({ properties: await avroProperties(open) })
  expect(kinds.map(({ kind }) => kind).join(' ')).toBe(
    'integer number string timestamptz date string json json double',
  )
  const read = (from?: RowPosition): AsyncIterable<RowBatch> => readAvro(open, from)
  const batches = await collect(read())
  const rows = batches.flatMap((batch) => batch.rows)
  expect(rows).toHaveLength(250)
  expect(rows[201]).toEqual({
    ...{ id: 201, price: 201.05, note: 'note 201', at: '2020-09-13T12:26:40.123456Z' },
    ...{ day: '2020-01-01', kind: 'B', tags: { a: [1, 201] }, parent: null, score: 0.5 },
  })
  for (const { next } of batches) {
    expect(await rowsOf(read(next))).toEqual(rows.slice(next.rows))
    expect(await rowsOf(read({ rows: next.rows - 7 }))).toEqual(rows.slice(next.rows - 7))
  }
})

test('an Avro file that is cut or damaged says so', async () => {
  const bytes = avroFile(250, 'null', (block) => block)
  await expect(rowsOf(readAvro(opened(bytes.subarray(0, -3))))).rejects.toThrow(
    /ends in the middle/,
  )
  bytes[bytes.length - 1] = 1
  await expect(rowsOf(readAvro(opened(bytes)))).rejects.toThrow(/mark of the file/)
})

const rowOf = (type: unknown): object => ({
  ...{ type: 'record', name: 'Row' },
  fields: [{ name: 'it', type }],
})
const long = (value: number): Buffer => avsc.Type.forSchema('long').toBuffer(value)

test.each([
  [
    'rows without bytes',
    containerOf(rowOf('null'), [{ count: 10 ** 15, bytes: Buffer.alloc(0) }]),
    /block of 1000000000000000 values in 0 bytes/,
  ],
  [
    'items without bytes',
    containerOf(rowOf({ type: 'array', items: 'null' }), [{ count: 1, bytes: long(10 ** 15) }]),
    /block of 1000000000000000 values in 8 bytes/,
  ],
  [
    'a block that becomes very large',
    containerOf(
      rowOf('string'),
      [{ count: 1, bytes: deflateRawSync(Buffer.alloc(2 ** 28 + 1)) }],
      'deflate',
    ),
    /block that is no deflate/,
  ],
  [
    'records in records',
    // Each is the branch 1, up to one that is the branch 0.
    containerOf(rowOf(['null', 'Row']), [
      { count: 1, bytes: Buffer.concat([Buffer.alloc(50_000, 2), Buffer.alloc(1)]) },
    ]),
    /more than 1000 nested levels/,
  ],
])('an Avro file of few bytes that asks for %s is refused', async (_name, bytes, message) => {
  await expect(rowsOf(readAvro(opened(bytes)))).rejects.toThrow(message)
})
