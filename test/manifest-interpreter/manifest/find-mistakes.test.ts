import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TemplateCompiler } from '../../../manifest-interpreter/interpolation/template-compiler.ts'
import { findMistakes } from '../../../manifest-interpreter/manifest/find-mistakes.ts'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'

function mistakesIn(text: string): readonly string[] {
  const templates = new TemplateCompiler({ nowMicros: () => 0, uuid: () => '' })
  return findMistakes(loadManifest(text), templates).map(
    ({ severity, stream, path, message }) => `${severity} ${stream ?? '-'} ${path}: ${message}`,
  )
}

const manifest = (options: {
  readonly requester?: string
  readonly stream?: string
  readonly names?: string
  readonly check?: string
  readonly version?: string
}): string => `
version: ${options.version ?? '7.0.0'}
type: DeclarativeSource
check: { type: CheckStream, stream_names: [${options.check ?? 'orders'}] }
streams:
${(options.names ?? 'orders')
  .split(',')
  .map(
    (name) => `
  - type: DeclarativeStream
    name: ${name}
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, ${options.requester ?? 'url_base: https://a.test, path: /x'} }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [] } }
    ${options.stream ?? ''}`,
  )
  .join('')}
`

const emptyManifest = (streams: string, check: string): string =>
  `{ version: 7.0.0, type: DeclarativeSource, check: { type: CheckStream, ${check} }, streams: ${streams} }`

const cursor = (format: string): string =>
  `incremental_sync: { type: DatetimeBasedCursor, cursor_field: t, datetime_format: '${format}', start_datetime: '2025-01-01' }`

test.each([
  ['nothing is wrong', {}, []],
  [
    'an unknown filter',
    { requester: 'url_base: https://a.test, path: "{{ config.a | uper }}"' },
    ["error orders retriever.requester.path: No filter named 'uper'. Correct the template."],
  ],
  [
    'an unknown function',
    { requester: 'url_base: https://a.test, path: "{{ nowutc() }}"' },
    ['error orders retriever.requester.path: There is no function "nowutc". Correct the template.'],
  ],
  [
    'a function that the template makes itself',
    {
      requester:
        'url_base: https://a.test, path: "{% macro m() %}x{% endmacro %}{{ m() }}{{ now_utc() }}"',
    },
    [],
  ],
  [
    'no URL',
    { requester: 'path: /x' },
    ['error orders retriever.requester: The requester has no URL. Add "url_base", or "url".'],
  ],
  ['a path that may be a URL', { requester: 'path: "{{ stream_slice.url }}"' }, []],
  [
    'a field that is written wrongly',
    { requester: 'url_base: https://a.test, http_methd: POST' },
    [
      'warning orders retriever.requester.http_methd: HttpRequester has no field "http_methd", which does nothing. Did you mean "http_method"?',
    ],
  ],
  [
    'a format that no time has',
    { stream: cursor('YYYY-MM-DD') },
    [
      'error orders incremental_sync.datetime_format: "YYYY-MM-DD" has no directive, and no time has this form. Use those of strftime, like %Y-%m-%d.',
    ],
  ],
  ['a format that times have', { stream: cursor('%Y-%m-%d') }, []],
  [
    'a check of no stream',
    { check: 'order' },
    ['error - check.stream_names: There is no stream "order". Did you mean "orders"?'],
  ],
  [
    'two streams of one name',
    { names: 'orders,orders' },
    [
      'warning orders name: Several streams have this name, and only one of them can be read. Rename the others.',
    ],
  ],
  [
    'a version that is newer',
    { version: '99.0.0' },
    [
      'warning - version: The manifest is of version 99.0.0, and 7.39 is what is known here: newer components and fields do nothing.',
    ],
  ],
])('%s is found', (_what, options, found) => {
  expect(mistakesIn(manifest(options))).toEqual(found)
})

test('a check that looks at no stream is found, and a manifest without streams', () => {
  const noCheck =
    'check.stream_names: The check looks at no stream, so that it finds nothing. Name one in stream_names.'
  expect(mistakesIn(manifest({ check: '' }))).toEqual([`warning - ${noCheck}`])
  expect(mistakesIn(emptyManifest('[]', 'stream_names: []'))).toEqual([
    'error - streams: The manifest has no streams, so that there is nothing to read. Add one.',
    `warning - ${noCheck}`,
  ])
})

const bundled = new URL('../../../connectors/manifests/', import.meta.url).pathname
const recorded = new URL('../../../../shared/conformance/', import.meta.url).pathname
/** Cases whose manifests are wrong on purpose. */
const wrong =
  /^(?:feature-check-unknown-stream|cdktest-check_stream-check_stream_only_type|cdktest-connector_builder_handler)/

test('real manifests give no false alarm', { timeout: 60_000 }, () => {
  const files = [
    ...readdirSync(bundled)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => join(bundled, name)),
    ...(existsSync(recorded) ? readdirSync(recorded) : [])
      .filter((name) => !wrong.test(name) && !name.startsWith('feature-manifest-'))
      .map((name) => join(recorded, name, 'manifest.yaml'))
      .filter((file) => existsSync(file)),
  ]
  const alarms = files.flatMap((file) =>
    mistakesIn(readFileSync(file, 'utf8')).map((mistake) => `${file}: ${mistake}`),
  )
  expect(alarms).toEqual([])
})
