import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import type { ColumnValues } from '../../rows/parquet/column-values.ts'
import { compressors } from '../../rows/parquet/compressors.ts'
import { emptyValues, ParquetBytes, type ParquetColumn } from '../../rows/parquet/write-parquet.ts'

const columns = [
  { name: 'long', type: 'integer' },
  { name: 'big', type: 'integer' },
  { name: 'double', type: 'double' },
  { name: 'day', type: 'date' },
  { name: 'yes', type: 'boolean' },
  { name: 'text', type: 'string' },
  { name: 'few', type: 'string' },
] as const satisfies readonly ParquetColumn[]

interface Row {
  readonly long: number | null
  readonly big: bigint | null
  readonly double: number | null
  readonly day: number | null
  readonly yes: boolean | null
  readonly text: string | null
  readonly few: string | null
}

function add(values: readonly ColumnValues[], row: Row): void {
  const [long, big, double, day, yes, text, few] = values
  const orNull = <Value>(
    column: ColumnValues | undefined,
    value: Value | null,
    write: (column: ColumnValues, value: Value) => void,
  ): void => {
    if (column === undefined) return
    if (value === null) column.addNull()
    else write(column, value)
  }
  const addText = (column: ColumnValues, value: string): void => {
    const bytes = Buffer.from(` ${value}`)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    column.addBytes(bytes, view, 1, bytes.length)
  }
  orNull(long, row.long, (column, value) => {
    column.addInt64(value)
  })
  orNull(big, row.big, (column, value) => {
    column.addBigInt64(value)
  })
  orNull(double, row.double, (column, value) => {
    column.addDouble(value)
  })
  orNull(day, row.day, (column, value) => {
    column.addInt32(value)
  })
  orNull(yes, row.yes, (column, value) => {
    column.addBoolean(value)
  })
  orNull(text, row.text, addText)
  orNull(few, row.few, addText)
}

/** Each list of rows is a row group; the memory of the columns is used again. */
async function fileOf(
  groups: readonly (readonly Row[])[],
  compression: 'none' | 'gzip' | 'zstd' | 'snappy',
): Promise<ArrayBuffer> {
  const file = new ParquetBytes(columns, { compression, createdBy: 'test' })
  const values = emptyValues(columns)
  const parts: Buffer[] = []
  for (const rows of groups) {
    for (const row of rows) add(values, row)
    // The pieces may be parts of the columns, whose memory is used again.
    parts.push(Buffer.concat(await file.rowGroup(values)))
    for (const column of values) column.clear()
  }
  parts.push(file.end())
  return Uint8Array.from(Buffer.concat(parts)).buffer
}

const nullable = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> =>
  fc.option(value, { freq: 3 })
const anyRow: fc.Arbitrary<Row> = fc.record({
  long: nullable(fc.maxSafeInteger()),
  big: nullable(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  double: nullable(fc.double({ noNaN: true })),
  day: nullable(fc.integer({ min: -700_000, max: 2_900_000 })),
  yes: nullable(fc.boolean()),
  text: nullable(fc.string({ unit: 'grapheme' })),
  few: nullable(fc.constantFrom('', 'a', 'ab', 'abcd', 'abcde', 'ä\u{1F600}')),
})

const readRaw = { dateFromDays: (days: number) => days }

async function read(file: ArrayBuffer): Promise<readonly unknown[]> {
  const rows = await parquetReadObjects({ file, compressors, parsers: readRaw })
  return rows
}

function expected({ long, ...row }: Row): unknown {
  return { ...row, long: long === null ? null : BigInt(long) }
}

test('what is written is read, in every compression, with and without dictionaries', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyRow, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 3 }),
      fc.constantFrom('none', 'gzip', 'zstd', 'snappy'),
      async (groups, compression) => {
        const found = await read(await fileOf(groups, compression))
        expect(found).toEqual(groups.flat().map(expected))
      },
    ),
  )
})

test('the bounds of a row group are those of its values', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 40 }), async (rows) => {
      const { row_groups: groups } = parquetMetadata(await fileOf([rows], 'none'))
      const statisticsOf = (index: number) => groups[0]?.columns[index]?.meta_data?.statistics
      const bigs = rows.flatMap(({ big }) => big ?? [])
      const nulls = BigInt(rows.length - bigs.length)
      expect(statisticsOf(1)?.null_count).toBe(nulls)
      const sorted = bigs.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      expect([statisticsOf(1)?.min_value, statisticsOf(1)?.max_value]).toEqual([
        sorted[0],
        sorted.at(-1),
      ])
      const days = rows.flatMap(({ day }) => day ?? [])
      if (days.length > 0)
        expect(Number(statisticsOf(3)?.max_value) / 86_400_000).toBe(Math.max(...days))
    }),
  )
})

test('a column whose values seldom repeat gives up its dictionary, and one of few values has one', async () => {
  const rows = Array.from({ length: 5_000 }, (_, index) => ({
    ...{ long: index, big: 1n, double: 0.5, day: 1, yes: true },
    text: `row ${String(index)}`,
    few: `one of ${String(index % 700)}`,
  }))
  const file = await fileOf([rows, rows], 'zstd')
  expect(await read(file)).toEqual([...rows, ...rows].map(expected))
  const { row_groups: groups } = parquetMetadata(file)
  const hasDictionary = groups.map(({ columns: chunks }) =>
    chunks.map(({ meta_data: meta }) => meta?.encodings.includes('RLE_DICTIONARY')),
  )
  const none = [false, false, false, false, false]
  expect(hasDictionary).toEqual([
    [...none, false, true],
    [...none, false, true],
  ])
})
