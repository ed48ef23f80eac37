/**
 * The YAML of a manifest with `count` streams, as real ones have them: shared parts by reference, each with
 * its own templates.
 */
export function manyStreams(count: number): string {
  const streams = Array.from({ length: count }, (_, index) => stream(index))
  return `${head}streams:
${streams.join('')}`
}

const head = `version: 6.0.0
type: DeclarativeSource
check:
  type: CheckStream
  stream_names: [stream_0]
definitions:
  requester:
    type: HttpRequester
    url_base: "{{ config['url'] }}"
    http_method: GET
    authenticator:
      type: BearerAuthenticator
      api_token: "{{ config['token'] }}"
    error_handler:
      type: DefaultErrorHandler
      response_filters:
        - type: HttpResponseFilter
          action: RETRY
          predicate: "{{ response.get('code') == 'busy' }}"
      backoff_strategies:
        - type: WaitTimeFromHeader
          header: Retry-After
        - type: ExponentialBackoffStrategy
          factor: 2
  paginator:
    type: DefaultPaginator
    page_token_option: { type: RequestOption, inject_into: request_parameter, field_name: cursor }
    page_size_option: { type: RequestOption, inject_into: request_parameter, field_name: limit }
    pagination_strategy:
      type: CursorPagination
      page_size: 100
      cursor_value: "{{ response['meta']['next'] }}"
      stop_condition: "{{ not response['meta']['next'] }}"
  cursor:
    type: DatetimeBasedCursor
    cursor_field: updated_at
    datetime_format: '%Y-%m-%dT%H:%M:%SZ'
    cursor_datetime_formats: ['%Y-%m-%dT%H:%M:%SZ', '%Y-%m-%dT%H:%M:%S.%fZ']
    start_datetime: "{{ config['start_date'] }}T00:00:00Z"
    step: P30D
    cursor_granularity: PT1S
    start_time_option: { type: RequestOption, inject_into: request_parameter, field_name: since }
    end_time_option: { type: RequestOption, inject_into: request_parameter, field_name: until }
spec:
  type: Spec
  connection_specification:
    type: object
    required: [url]
    properties:
      url: { type: string, title: URL }
      token: { type: string, title: Token, airbyte_secret: true }
      start_date: { type: string, title: Start }
`

function stream(index: number): string {
  return `  - type: DeclarativeStream
    name: stream_${String(index)}
    primary_key: [id]
    retriever:
      type: SimpleRetriever
      requester:
        $ref: '#/definitions/requester'
        path: /v1/things_${String(index)}
        request_parameters:
          fields: "{{ ','.join(['id', 'name_${String(index)}', 'updated_at']) }}"
          account: "{{ config.get('account', 'main_${String(index)}') }}"
      record_selector:
        type: RecordSelector
        extractor: { type: DpathExtractor, field_path: [data, things_${String(index)}] }
        record_filter:
          type: RecordFilter
          condition: "{{ record['kind'] not in ['draft', 'hidden_${String(index)}'] }}"
      paginator: { $ref: '#/definitions/paginator' }
    incremental_sync: { $ref: '#/definitions/cursor' }
    transformations:
      - type: AddFields
        fields:
          - path: [source_account]
            value: "{{ config['url'] }}/${String(index)}"
          - path: [full_name]
            value: "{{ record['first'] ~ ' ' ~ record['last_${String(index)}'] }}"
    schema_loader:
      type: InlineSchemaLoader
      schema:
        $schema: http://json-schema.org/draft-07/schema#
        type: object
        properties:
${Array.from(
  { length: 20 },
  (_, field) =>
    `          field_${String(field)}: { type: ["null", "string"], description: Field ${String(field)} of ${String(index)} }`,
).join('\n')}
          id: { type: integer }
          updated_at: { type: string, format: date-time }
`
}
