import { expect, test } from 'vitest'
import type { RecordData } from '../../protocol/index.ts'
import { textReaderOf } from '../../rows/csv-values.ts'
import { readCsv, type CsvOptions } from '../../rows/read-csv.ts'
import { readJsonLines } from '../../rows/read-json-lines.ts'
import type { OpenBytes, RowBatch, RowPosition } from '../../rows/row-source.ts'

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
