import { expect, test } from 'vitest'
import type { RecordData } from '../../protocol/index.ts'
import { textReaderOf } from '../../rows/csv-values.ts'
import { readCsv, type CsvOptions } from '../../rows/read-csv.ts'
import { readJsonLines } from '../../rows/read-json-lines.ts'
import type { OpenBytes, RowBatch, RowPosition } from '../../rows/row-source.ts'
import { longTest } from '../support/long.ts'

/** The bytes in chunks of this size. */
function chunked(text: string | Buffer, size: number): OpenBytes {
  const bytes = Buffer.from(text)
  return async function* (from) {
    for (let start = from; start < bytes.length; start += size) {
      await Promise.resolve()
      yield bytes.subarray(start, start + size)
    }
  }
}

async function collect(batches: AsyncIterable<RowBatch>): Promise<RowBatch[]> {
  const all: RowBatch[] = []
  for await (const batch of batches) all.push(batch)
  return all
}

async function rowsOf(batches: AsyncIterable<RowBatch>): Promise<readonly RecordData[]> {
  return (await collect(batches)).flatMap(({ rows }) => rows)
}

const csv: CsvOptions = {
  delimiter: ',',
  quote: '"',
  escape: '"',
  nulls: new Set(['']),
  header: true,
  skipLines: 0,
  encoding: 'utf-8',
}
const table = '\uFEFFid,name,note\r\n1,"Łuk ""q"", x",\r\n\r\n2,"two\nlines",""\n3,plain,last'
const rows = [
  { id: '1', name: 'Łuk "q", x', note: null },
  { id: '2', name: 'two\nlines', note: '' },
  { id: '3', name: 'plain', note: 'last' },
]

/** Every position of a whole read gives the rest of the rows. */
async function expectResumable(
  read: (from?: RowPosition) => AsyncIterable<RowBatch>,
): Promise<void> {
  const batches = await collect(read())
  const all = batches.flatMap((batch) => batch.rows)
  for (const { next } of batches) {
    expect(await rowsOf(read(next))).toEqual(all.slice(next.rows))
    expect(await rowsOf(read({ rows: next.rows }))).toEqual(all.slice(next.rows))
  }
}

test.each([1, 2, 3, 7, 1000])(
  'CSV in chunks of %i bytes: quotes, line ends, marks, nulls',
  async (size) => {
    const read = (from?: RowPosition): AsyncIterable<RowBatch> =>
      readCsv(chunked(table, size), csv, from)
    expect(await rowsOf(read())).toEqual(rows)
    await expectResumable(read)
  },
)

test('CSV with other characters, an encoding, names and types', async () => {
  const text = `skipped\n1;'it\\'s';01\n9007199254740993;x;1.50\n`
  const options: CsvOptions = {
    ...csv,
    ...{ delimiter: ';', quote: "'", escape: '\\', skipLines: 1, encoding: 'utf-16le' },
    header: ['n', 's', 'd'],
    readerOf: (name) => textReaderOf(name === 's' ? 'string' : name === 'n' ? 'integer' : 'number'),
  }
  expect(await rowsOf(readCsv(chunked(Buffer.from(text, 'utf16le'), 5), options))).toEqual([
    { n: 1, s: "it's", d: '01' },
    { n: 9007199254740993n, s: 'x', d: 1.5 },
  ])
})

test.each([
  ['a,b\n1\n', /has 1 fields in row 1, and 2 columns/],
  ['a,b\n1,"open\n', /ends inside of a quoted field, after row 0/],
  ['a,b\n1,"x"y\n', /text after the closing quote/],
  [Buffer.from('a\n\xff\n', 'latin1'), /is not utf-8 text/],
  ['a,b\r1,2\r3,4\r', /carriage return alone/],
])('a CSV file that is none says where: %j', async (text, message) => {
  await expect(rowsOf(readCsv(chunked(text, 3), csv))).rejects.toThrow(message)
})

test.each([1, 5, 1000])('JSON lines in chunks of %i bytes keep every digit', async (size) => {
  const text = '\uFEFF{"a":9007199254740993}\r\n\n{"a":"ü"}\n  \n{"a":[1.5,null]}'
  const read = (from?: RowPosition): AsyncIterable<RowBatch> =>
    readJsonLines(chunked(text, size), from)
  expect(await rowsOf(read())).toEqual([{ a: 9007199254740993n }, { a: 'ü' }, { a: [1.5, null] }])
  await expectResumable(read)
})

test.each([
  ['{"a":1}\n[2]\n', /no JSON object in row 2/],
  ['{"a":1}\n{"b"', /no JSON object in row 2/],
  ['[{"a":1}]', /one JSON list/],
])('lines that are no objects are named, and not shown: %j', async (text, message) => {
  await expect(rowsOf(readJsonLines(chunked(text, 100)))).rejects.toThrow(message)
})

const deep = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`

test.each([
  [deep(5_000), /more than 1000 nested levels in row 1/],
  // With digits that a double would change.
  [`{"n":12345678901234567890,${deep(50_000).slice(1)}`, /more than 1000 nested levels in row 1/],
])('a value that is nested too deeply is refused', async (text, message) => {
  await expect(rowsOf(readJsonLines(chunked(text, 1_000)))).rejects.toThrow(message)
  expect(await rowsOf(readJsonLines(chunked(deep(999), 1_000)))).toHaveLength(1)
})

/** The rows that came before the error, and the error. */
async function untilError(batches: AsyncIterable<RowBatch>): Promise<{
  readonly rows: readonly RecordData[]
  readonly last: number
  readonly error: unknown
}> {
  const before: RowBatch[] = []
  try {
    for await (const batch of batches) before.push(batch)
  } catch (error) {
    return {
      rows: before.flatMap((batch) => batch.rows),
      last: before.at(-1)?.next.rows ?? 0,
      error,
    }
  }
  throw new Error('no error')
}

test.each([1, 7, 1_000])(
  'rows before a malformed one come first, in chunks of %i bytes; a reader that goes on there finds it again',
  async (size) => {
    const lines = '{"a":1}\n{"a":2}\n{"a"\n{"a":4}\n'
    const commas = 'a,b\n1,x\n2,y\n3\n4,z\n'
    const quotes = 'a,b\n1,x\n2,y\n"3"!,z\n4,z\n'
    for (const [read, message] of [
      [(from?: RowPosition) => readJsonLines(chunked(lines, size), from), /in row 3/],
      [(from?: RowPosition) => readCsv(chunked(commas, size), csv, from), /in row 3/],
      [(from?: RowPosition) => readCsv(chunked(quotes, size), csv, from), /after row 2/],
    ] as const) {
      const { rows: before, last, error } = await untilError(read())
      expect(before.map(({ a }) => Number(a))).toEqual([1, 2])
      expect(last).toBe(2)
      expect(String(error)).toMatch(message)
      const again = await untilError(read({ rows: last }))
      expect(again.rows).toEqual([])
      expect(String(again.error)).toMatch(message)
    }
  },
)

longTest('a record without an end is refused before it fills a string', async () => {
  const chunk = Buffer.alloc(16 * 1024 * 1024, 'x')
  const endless: OpenBytes = async function* () {
    for (let count = 0; count < 40; count++) {
      await Promise.resolve()
      yield chunk
    }
  }
  await expect(rowsOf(readCsv(endless, csv))).rejects.toThrow(/record of more than 268435456/)
  await expect(rowsOf(readJsonLines(endless))).rejects.toThrow(/line of more than 268435456/)
})
