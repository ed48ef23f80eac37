import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import { compressors } from '../../../rows/parquet/compressors.ts'
import type { ColumnKind } from '../../../protocol/index.ts'
import type { DraftFile } from '../../../sinks/row-files/file-store.ts'
import { ParquetRows } from '../../../sinks/row-files/formats/parquet-rows.ts'
import { blockOf, sinkStream } from '../loading.ts'

const kinds = {
  id: 'integer',
  yes: 'boolean',
  price: 'number',
  ratio: 'double',
  name: 'string',
  day: 'date',
  clock: 'time',
  at: 'timestamptz',
  local: 'timestamp',
  raw: 'bytes',
  data: 'json',
} as const satisfies Readonly<Record<string, ColumnKind>>

const row = {
  id: 1,
  yes: true,
  price: 1234.5,
  ratio: 0.1,
  name: 'Käthe "7" \u{1F600}',
  day: '0001-01-01',
  clock: '23:59:59.999999',
  at: '2026-01-02T03:04:05.678901Z',
  local: '1969-12-31T23:59:59.999999',
  raw: 'AAEC',
  data: { a: [1, null] },
}

async function written(
  metadata: 'full' | 'none',
  records: Parameters<typeof blockOf>[1],
): Promise<ArrayBuffer> {
  const sink = sinkStream(kinds, { metadata })
  const sync = { sink, syncId: 7, generationId: 3 }
  const chunks: Buffer[] = []
  const draft: DraftFile = {
    heldBytes: 0,
    write: (bytes) => Promise.resolve(void chunks.push(bytes)),
    close: () => Promise.resolve({ path: '', draft: '', parts: [] }),
    discard: () => Promise.resolve(),
  }
  const rows = new ParquetRows(sync, sink.columns, 'zstd')
  const file = rows.open(draft)
  const block = blockOf(sink.columns, records)
  rows.record.open(block)
  while (rows.record.next()) file.add()
  // The bytes of the block are only lent.
  block.bytes.fill(0xff)
  await file.drain()
  await file.close()
  return Uint8Array.from(Buffer.concat(chunks)).buffer
}

test('every kind of value is the same in Parquet, and those that do not fit are beside them', async () => {
  const file = await written('none', [
    { ...row, id: 7 },
    { id: -3, ratio: 'much', name: 7, day: '2026-02-30', extra: 1 },
    { ...row, id: 2 ** 53 + 2 },
  ])
  const found = await parquetReadObjects({ file, compressors, utf8: false })
  expect(found[0]).toMatchObject({
    id: 7n,
    yes: true,
    price: '1234.5',
    ratio: 0.1,
    name: row.name,
    day: new Date('0001-01-01'),
    clock: 86_399_999_999n,
    at: new Date('2026-01-02T03:04:05.678Z'),
    data: row.data,
    _airbyte_overflow: null,
  })
  expect(found[1]).toMatchObject({
    id: -3n,
    yes: null,
    ratio: null,
    // A text can hold it.
    name: '7',
    day: null,
    _airbyte_overflow: { ratio: 'much', day: '2026-02-30' },
  })
  expect(found[2]).toMatchObject({ id: 9007199254740994n })
  expect(Object.keys(found[0] ?? {})).toEqual([...Object.keys(kinds), '_airbyte_overflow'])
})

test('full metadata are columns, and the schema has logical types', async () => {
  const file = await written('full', [row])
  const [found] = await parquetReadObjects({ file, compressors })
  expect(found).toMatchObject({
    _airbyte_raw_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
    _airbyte_extracted_at: new Date(1_700_000_000_000),
    _airbyte_generation_id: 3n,
    _airbyte_meta: { sync_id: 7, changes: [] },
  })
  const { schema } = parquetMetadata(file)
  expect(
    Object.fromEntries(
      schema.slice(1, 12).map(({ name, logical_type: type }) => [name, type?.type]),
    ),
  ).toEqual({
    id: undefined,
    yes: undefined,
    price: 'STRING',
    ratio: undefined,
    name: 'STRING',
    day: 'DATE',
    clock: 'TIME',
    at: 'TIMESTAMP',
    local: 'TIMESTAMP',
    raw: undefined,
    data: 'JSON',
  })
})
