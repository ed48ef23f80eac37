import { expect, test } from 'vitest'
import { datetimeCursorValues } from '../../../manifest-interpreter/components/incremental/datetime-cursor-values.ts'
import { manifestApi } from './read-manifest.ts'

const manifest = (url: string, format: string): string => `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [orders] }
streams:
  - type: DeclarativeStream
    name: orders
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: ${url}, path: orders }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [] } }
    incremental_sync:
      type: DatetimeBasedCursor
      cursor_field: at
      cursor_datetime_formats: ['%Y-%m-%d %H:%M:%S%z']
      datetime_format: '${format}'
      start_datetime: { type: MinMaxDatetime, datetime: '2024-01-01', datetime_format: '%Y-%m-%d' }
      start_time_option: { type: RequestOption, inject_into: request_parameter, field_name: since }
    schema_loader:
      type: InlineSchemaLoader
      schema: { type: object, properties: { at: { type: string, format: date-time } } }
`

/**
 * In a format without an offset: the moment, or the clock of the record if that is earlier and the API may
 * mean it.
 */
test.each([
  ['%Y-%m-%dT%H:%M:%S.%fZ', '2024-02-03 00:00:00+05:00', '2024-02-02T19:00:00.000000Z'],
  ['%Y-%m-%dT%H:%M:%S.%fZ', '2024-02-03 00:00:00-05:00', '2024-02-03T05:00:00.000000Z'],
  ['%Y-%m-%dT%H:%M:%S', '2024-02-03 00:00:00+05:00', '2024-02-02T19:00:00'],
  ['%Y-%m-%dT%H:%M:%S', '2024-02-03 00:00:00-05:00', '2024-02-03T00:00:00'],
  ['%Y-%m-%d', '2024-02-03 22:00:00-05:00', '2024-02-03'],
  ['%Y-%m-%dT%H:%M:%S%z', '2024-02-03 00:00:00+05:00', '2024-02-03T00:00:00+0500'],
  ['%s', '2024-02-03 00:00:00+05:00', '1706900400'],
])('in %s, a cursor at %s asks next for %s', async (format, cursor, since) => {
  await using shop = await manifestApi(
    (url) => manifest(url, format),
    () => ({ body: JSON.stringify([{ at: cursor }]) }),
  )
  const { out, error } = await shop.read()
  expect(error).toBeUndefined()
  expect(out.lastState).toEqual({ at: since })
  shop.urls.length = 0
  await shop.read({ state: out.lastState })
  expect(new URL(shop.urls[0] ?? '', shop.base).searchParams.get('since')).toBe(since)
})

test('the last hours that there are keep their clock', () => {
  const values = datetimeCursorValues({
    format: '%Y-%m-%dT%H:%M:%SZ',
    inputFormats: ['%Y-%m-%d %H:%M:%S%z'],
    granularity: null,
  })
  expect(values.write(values.parse('9999-12-31 23:00:00-05:00'))).toBe('9999-12-31T23:00:00Z')
})
