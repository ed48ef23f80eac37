import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { usuallyThird } from '../../support/long.ts'
import { TemplateCompiler } from '../../../manifest-interpreter/interpolation/template-compiler.ts'
import { findMistakes } from '../../../manifest-interpreter/mistakes/find-mistakes.ts'
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
  readonly more?: string
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
${options.more ?? ''}
`

const spec = (properties: string, more = '') =>
  `spec: { type: Spec, connection_specification: { type: object, properties: { ${properties} } ${more} } }`

const url = 'url_base: https://a.test'

const emptyManifest = (streams: string, check: string): string =>
  `{ version: 7.0.0, type: DeclarativeSource, check: { type: CheckStream, ${check} }, streams: ${streams} }`

const option = (name: string, more = '') =>
  `{ type: RequestOption, inject_into: request_parameter, field_name: ${name}${more} }`

const cursor = (format: string): string =>
  `incremental_sync: { type: DatetimeBasedCursor, cursor_field: t, datetime_format: '${format}', start_datetime: '2025-01-01', start_time_option: ${option('since')} }`

const schema = (properties: string): string =>
  `schema_loader: { type: InlineSchemaLoader, schema: { type: object, properties: { ${properties} } } }`

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
  ['a path that may be a URL', { requester: 'path: "{{ next_page_token.next_page_token }}"' }, []],
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
    'a key and a cursor that the schema does not declare',
    {
      stream: `primary_key: [[id], [shop, id]]\n    ${cursor('%Y-%m-%d')}\n    ${schema('updated: { type: string }')}`,
    },
    [
      'warning orders primary_key: The schema of the stream does not declare the field "id". Add it to the schema, or correct the name.',
      'warning orders primary_key: The schema of the stream does not declare the field "shop". Add it to the schema, or correct the name.',
      'warning orders incremental_sync.cursor_field: The schema of the stream does not declare the field "t". Add it to the schema, or correct the name.',
    ],
  ],
  [
    'names and times that are templates, and a schema without fields',
    {
      stream: `primary_key: "{{ parameters['key'] }}"\n    ${cursor('%Y-%m-%d').replace("'2025-01-01'", `"{{ config['start'] }}"`)}\n    ${schema('')}`,
    },
    [],
  ],
  [
    'a start that is not in its format',
    { stream: cursor('%d/%m/%Y') },
    [
      `error orders incremental_sync.start_datetime: "2025-01-01" is not in the format "%d/%m/%Y". Write it in this format, or give it a datetime_format of its own: { type: MinMaxDatetime, datetime: …, datetime_format: … }.`,
    ],
  ],
  [
    'bounds that are not in their formats',
    {
      stream: cursor('%Y-%m-%d').replace(
        "'2025-01-01'",
        "{ type: MinMaxDatetime, datetime: '2025-01-01T00:00', datetime_format: '%Y-%m-%dT%H:%M', max_datetime: '2025-01-01' }, end_datetime: '1.2.2025'",
      ),
    },
    [
      `error orders incremental_sync.start_datetime.max_datetime: "2025-01-01" is not in the format "%Y-%m-%dT%H:%M". Write it in this format, or give it a datetime_format of its own: { type: MinMaxDatetime, datetime: …, datetime_format: … }.`,
      `error orders incremental_sync.end_datetime: "1.2.2025" is not in the format "%Y-%m-%d". Write it in this format, or give it a datetime_format of its own: { type: MinMaxDatetime, datetime: …, datetime_format: … }.`,
    ],
  ],
  [
    'a cursor that does not sort as text',
    {
      stream: `primary_key: [t]\n    ${cursor('%d/%m/%Y').replace('2025-01-01', '01/01/2025')}\n    ${schema("t: { type: [string, 'null'] }")}`,
    },
    [
      'warning orders incremental_sync.cursor_field: The schema declares the cursor "t" as a text, so that the destination compares versions of a record as text, and times like %d/%m/%Y do not sort so: an older version may stay. Write the field in a format that sorts, like %Y-%m-%dT%H:%M:%SZ (a transformation can), and declare it with format: date-time.',
    ],
  ],
  [
    'a cursor with an offset that is declared as text',
    {
      stream: `primary_key: [t]\n    ${cursor('%Y-%m-%dT%H:%M:%S%z').replace("'2025-01-01'", "'2025-01-01T00:00:00Z'")}\n    ${schema('t: { type: string }')}`,
    },
    [
      'warning orders incremental_sync.cursor_field: The schema declares the cursor "t" as a text, so that the destination compares versions of a record as text, and times like %Y-%m-%dT%H:%M:%S%z do not sort so if their offsets differ: an older version may stay. Declare the field in the schema with format: date-time.',
    ],
  ],
  [
    'a cursor that is declared as a time, and one that sorts as text',
    {
      names: 'orders',
      stream: `primary_key: [t]\n    ${cursor('%Y-%m-%d')}\n    ${schema('t: { type: string }')}`,
    },
    [],
  ],
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
    'a function that only this component has',
    {
      requester: `${url}, authenticator: { type: JwtAuthenticator, algorithm: RS256, secret_key: "{{ json_loads(config['key'])['key'] }}", jwt_payload: { iss: "{{ json_loads(config['key'])['iss'] }}" } }`,
    },
    [],
  ],
  [
    'a duration that is none',
    {
      requester: `${url}, path: x`,
      stream: cursor('%Y-%m-%d').replace(
        'start_datetime',
        "step: '7200', cursor_granularity: P1D, lookback_window: '{{ config.a }}', start_datetime",
      ),
      more: 'api_budget: { type: HTTPAPIBudget, policies: [{ type: MovingWindowCallRatePolicy, rates: [{ limit: 1, interval: 1s }], matchers: [] }] }',
    },
    [
      'error - api_budget.policies[0].rates[0].interval: "1s" is not an ISO 8601 duration. Write it like P1D (a day) or PT2H (two hours).',
      'error orders incremental_sync.step: "7200" is not an ISO 8601 duration. Write it like P1D (a day) or PT2H (two hours).',
    ],
  ],
  [
    'a request option that the reference refuses',
    {
      stream: cursor('%Y-%m-%d').replace('field_name: since', 'field_name: since, field_path: [a]'),
    },
    [
      "error orders incremental_sync.start_time_option: Only one of field_name or field_path can be provided to RequestOption. Remove field_path (['a']), which may also come from $parameters, or field_name ('since').",
    ],
  ],
  [
    'a request option with a path for a parameter, and one without a name',
    {
      stream: cursor('%Y-%m-%d')
        .replace('field_name: since', 'field_path: [a]')
        .replace(
          'start_time_option',
          'end_time_option: { type: RequestOption, inject_into: header }, start_time_option',
        ),
    },
    [
      'error orders incremental_sync.end_time_option: RequestOption requires either a field_name or field_path. Add field_name.',
      "error orders incremental_sync.start_time_option: Nested field injection is only supported for body JSON injection. Please use a top-level field_name for other injection types: replace field_path (['a']) by field_name.",
    ],
  ],
  [
    'a page size and a token in one place',
    {
      requester: `${url} }\n      paginator: { type: DefaultPaginator, page_size_option: ${option('offset')}, page_token_option: ${option('offset')}, pagination_strategy: { type: OffsetIncrement, page_size: 5 }`,
    },
    [
      'error orders retriever.paginator: The page size and the page token both set "offset" of the request parameter. Correct field_name of page_size_option or of page_token_option.',
    ],
  ],
  [
    'a field of the configuration that spec does not declare',
    {
      requester: `${url}, request_parameters: { a: "{{ config['api_kye'] }}", b: "{{ config.get('zone') }}", c: "{{ config['zone'] or 'x' }}", d: "{{ config['__x'] }}" }`,
      more: spec('api_key: { type: string }'),
    },
    [
      `warning orders retriever.requester.request_parameters.a: The template reads config['api_kye'], but "spec" declares no such field. Did you mean "api_key"?`,
      `warning orders retriever.requester.request_parameters.b: The template reads config['zone'], but "spec" declares no such field. Declare it there, or correct the name.`,
    ],
  ],
  [
    'fields that choices declare, rules add and logins write',
    {
      requester: `${url}, request_parameters: { a: "{{ config['a'] ~ config['b'] ~ config['c'] ~ config['d'] }}" }`,
      more: `${spec('a: { type: string }', ', oneOf: [{ properties: { b: { type: string } } }]').replace(/ }$/, '')}, config_normalization_rules: { type: ConfigNormalizationRules, transformations: [{ type: ConfigAddFields, fields: [{ type: AddedFieldDefinition, path: [c], value: x }] }] }, advanced_auth: { auth_flow_type: oauth2.0, oauth_config_specification: { complete_oauth_output_specification: { properties: { t: { path_in_connector_config: [d, t] } } } } } }`,
    },
    [],
  ],
  [
    'a partition that no router makes',
    {
      requester: `${url}, path: "{{ stream_partition.shop }}/{{ stream_slice['start_time'] }}"`,
      stream: cursor('%Y-%m-%d'),
    },
    [
      'warning orders retriever.requester.path: The template reads "shop" of stream_partition, but the stream has no partition router that sets it: the value is empty. Add a partition_router, or correct the name.',
    ],
  ],
  [
    'a cursor that goes into no request',
    { stream: cursor('%Y-%m-%d').replace(/, start_time_option.*/, ' }') },
    [
      'warning orders incremental_sync: The cursor goes into no request and filters nothing, so that each run reads all records again. Add start_time_option, or is_client_side_incremental: true if the API cannot filter.',
    ],
  ],
  [
    'a cursor that a template sends, or that filters here',
    {
      names: 'orders',
      requester: `${url}, request_parameters: { since: "{{ stream_interval.start_time }}" }`,
      stream: cursor('%Y-%m-%d').replace(/, start_time_option.*/, ' }'),
    },
    [],
  ],
  [
    'an example of the start that is not in its format, and a placeholder',
    {
      stream: cursor('%Y-%m-%d').replace(
        "start_datetime: '2025-01-01'",
        `start_datetime: "{{ config['start'] }}", end_datetime: "{{ config['end'] }}"`,
      ),
      more: spec(
        'start: { type: string, examples: ["1651363200"] }, end: { examples: [YYYY-MM-DD] }',
      ),
    },
    [
      'warning orders incremental_sync.start_datetime: The field "start" of the configuration is read in the format "%Y-%m-%d", but its default or example in "spec" is "1651363200". Correct it, or give the time a datetime_format of its own: { type: MinMaxDatetime, datetime: …, datetime_format: … }.',
    ],
  ],
  [
    'a spec that is no JSON schema, and a pattern that cannot be used',
    { more: spec('a: { type: string, pattern: "(" }', ', required: [a, a]') },
    [
      'warning - spec.connection_specification.required: The schema of the configuration is not a valid JSON schema, and airbyte-cdk refuses it: The value has non-unique elements. Correct it.',
      'error - spec.connection_specification.properties.a.pattern: The pattern cannot be used: The regular expression cannot be read. Correct it.',
    ],
  ],
  [
    'a version that is newer',
    { version: '99.0.0' },
    [
      'warning - version: The manifest has version 99.0.0, but this interpreter supports 7.39: newer components and fields do nothing.',
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

/** True of many recorded manifests: their schemas were made from some records, and have no formats. */
const ofSchemas = /^warning .*(?:does not declare the field|declares the cursor "[^"]+" as a text)/
/** True of some recorded manifests, each of which was looked at (2026-12). */
const trueOfSome = [
  /^warning .*The cursor goes into no request and filters nothing/,
  /^warning .*The template reads config\['[\w-]+'\], but "spec" declares no such field/,
  /^warning .*but the stream has no partition router that sets it/,
  /^warning .*but its default or example in "spec" is/,
  /^warning - spec\.connection_specification\.required: .*non-unique elements/,
]

test('real manifests give no false alarm', { timeout: 60_000 }, () => {
  const alarmsOf = (file: string) =>
    mistakesIn(readFileSync(file, 'utf8')).map((mistake) => ({ file, mistake }))
  const own = readdirSync(bundled).filter((name) => name.endsWith('.yaml'))
  expect(own.flatMap((name) => alarmsOf(join(bundled, name)))).toEqual([])
  const others = (existsSync(recorded) ? readdirSync(recorded) : [])
    .filter((name) => !wrong.test(name) && !name.startsWith('feature-manifest-'))
    .map((name) => join(recorded, name, 'manifest.yaml'))
    .filter((file) => existsSync(file))
  const alarms = usuallyThird(0, others).flatMap(alarmsOf)
  const isTrue = (mistake: string) =>
    [ofSchemas, ...trueOfSome].some((known) => known.test(mistake))
  expect(alarms.filter(({ mistake }) => !isTrue(mistake))).toEqual([])
})
