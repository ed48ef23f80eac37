import { expect, test } from 'vitest'
import { manifestApi } from './read-manifest.ts'

const manifest = (url: string, cursor: string, field: string): string => `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    primary_key: [id]
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: ${url}, path: orders }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [] } }
    incremental_sync: { type: DatetimeBasedCursor, cursor_field: at, ${cursor} }
    schema_loader:
      type: InlineSchemaLoader
      schema: { type: object, properties: { id: { type: integer }, at: ${field} } }
`

const text = '{ type: string }'
const days = "datetime_format: '%d/%m/%Y', start_datetime: '01/01/2025'"
const iso = "datetime_format: '%Y-%m-%d', start_datetime: '2025-01-01'"
const dedup = { sync_mode: 'incremental', destination_sync_mode: 'append_dedup' } as const
const append = { sync_mode: 'incremental', destination_sync_mode: 'append' } as const
const warning =
  'The schema declares the cursor "at" as a text, so that the destination compares versions of a record as text, and times like %d/%m/%Y do not sort so: an older version may stay. Write the field in a format that sorts, like %Y-%m-%dT%H:%M:%SZ (a transformation can), and declare it with format: date-time.'

test.each([
  ['is compared as text and does not sort so', {}, [warning]],
  ['sorts as text', { cursor: iso }, []],
  ['is compared as a time', { field: '{ type: string, format: date-time }' }, []],
  ['chooses no version', { sync: append }, []],
])('a cursor that %s', async (_what, options, warnings) => {
  const { cursor, field, sync } = { cursor: days, field: text, sync: dedup, ...options }
  await using shop = await manifestApi(
    (url) => manifest(url, cursor, field),
    () => ({ body: '[]' }),
  )
  const read = await shop.read({ sync })
  expect(read.error).toBeUndefined()
  expect(read.warnings).toEqual(warnings)
})

const zoned = "datetime_format: '%Y-%m-%dT%H:%M:%S%z', start_datetime: '2025-01-01T00:00:00Z'"

test.each([
  [
    'are all in UTC',
    ['2025-02-01T00:00:00Z', '2025-02-01T00:00:01+0000', '2025-02-01T00:00:00+00:00'],
    0,
  ],
  [
    'have an offset',
    ['2025-02-01T00:00:00Z', '2025-02-01T00:00:00-05:00', '2025-02-01T00:00:00+0530'],
    1,
  ],
])('a cursor of texts that %s', async (_what, times, count) => {
  await using shop = await manifestApi(
    (url) => manifest(url, zoned, text),
    () => ({ body: JSON.stringify(times.map((time, id) => ({ id, at: time }))) }),
  )
  const { warnings, out } = await shop.read({ sync: dedup })
  expect(out.rows.length).toBe(3)
  expect(warnings.length).toBe(count)
  for (const text of warnings)
    expect(text).toMatch(
      /times like %Y-%m-%dT%H:%M:%S%z do not sort so if their offsets differ: .* Declare the field in the schema with format: date-time\.$/,
    )
})

test('a start that is not in its format is named, one of the configuration without its value', async () => {
  const start = `start_datetime: { type: MinMaxDatetime, datetime: '01/01/2025', min_datetime: "{{ config['from'] }}" }`
  await using shop = await manifestApi(
    (url) => manifest(url, `datetime_format: '%d/%m/%Y', ${start}`, text),
    () => ({ body: '[]' }),
  )
  await expect(shop.read({ config: { from: '2025-02-03' } })).rejects.toMatchObject({
    message: `The source failed: start_datetime.min_datetime ({{ config['from'] }}) of stream orders cannot be read. The time does not match the format '%d/%m/%Y'.`,
  })
  await using other = await manifestApi(
    (url) => manifest(url, iso.replace('2025-01-01', '1.2.2025'), text),
    () => ({ body: '[]' }),
  )
  await expect(other.read()).rejects.toMatchObject({
    message: `The source failed: start_datetime "1.2.2025" of stream orders cannot be read. The time does not match the format '%Y-%m-%d'.`,
  })
})
