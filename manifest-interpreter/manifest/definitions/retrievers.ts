import {
  anyOf,
  choice,
  component,
  flag,
  integer,
  limited,
  list,
  number,
  text,
  typed,
} from './shape.ts'
import type { Definitions } from './shape.ts'

const onePartitionRouter = component(
  'SubstreamPartitionRouter',
  'ListPartitionRouter',
  'GroupingPartitionRouter',
  'UnionPartitionRouter',
  'CustomPartitionRouter',
)
const partitionRouter = anyOf(onePartitionRouter, list(onePartitionRouter))
const requester = component('HttpRequester', 'CustomRequester')
const extractor = component('DpathExtractor', 'CustomRecordExtractor', 'CombinedExtractor')
const paginator = component('DefaultPaginator', 'NoPagination')
const decoder = component(
  'CsvDecoder',
  'GzipDecoder',
  'JsonDecoder',
  'JsonItemsDecoder',
  'JsonlDecoder',
  'IterableDecoder',
  'XmlDecoder',
  'ZipfileDecoder',
  'CustomDecoder',
)
const integerOrText = anyOf(integer, text)
const texts = list(text)

export const retrieverDefinitions: Definitions = {
  SimpleRetriever: typed({
    required: ['record_selector', 'requester'],
    fields: {
      requester,
      decoder,
      record_selector: component('RecordSelector'),
      paginator,
      pagination_reset: component('PaginationReset'),
      page_size_reduction: component('PageSizeReduction'),
      request_window_splitting: component('RequestWindowSplitting'),
      ignore_stream_slicer_parameters_on_paginated_requests: flag,
      partition_router: partitionRouter,
    },
  }),
  AsyncRetriever: typed({
    required: [
      'record_selector',
      'status_mapping',
      'creation_requester',
      'polling_requester',
      'download_requester',
      'status_extractor',
    ],
    fields: {
      record_selector: component('RecordSelector'),
      status_mapping: component('AsyncJobStatusMap'),
      status_extractor: extractor,
      download_target_extractor: extractor,
      download_extractor: component(
        'DpathExtractor',
        'CustomRecordExtractor',
        'ResponseToFileExtractor',
        'CombinedExtractor',
      ),
      creation_requester: requester,
      polling_requester: requester,
      polling_job_timeout: integerOrText,
      failed_retry_wait_time_in_seconds: anyOf(limited(integer, { min: 1 }), text),
      download_target_requester: requester,
      download_requester: requester,
      download_paginator: paginator,
      abort_requester: requester,
      delete_requester: requester,
      partition_router: partitionRouter,
      decoder,
      download_decoder: decoder,
    },
  }),
  AsyncJobStatusMap: typed({
    typeOptional: true,
    required: ['running', 'completed', 'failed', 'timeout'],
    fields: { running: texts, completed: texts, failed: texts, timeout: texts, skipped: texts },
  }),
  CustomRetriever: typed({ required: ['class_name'], fields: { class_name: text } }),
  PaginationReset: typed({
    required: ['action'],
    fields: {
      action: choice('SPLIT_USING_CURSOR', 'RESET'),
      limits: component('PaginationResetLimits'),
    },
  }),
  PaginationResetLimits: typed({ fields: { number_of_records: integer } }),
  PageSizeReduction: typed({
    fields: {
      reduction_factor: limited(number, { above: 1 }),
      minimum_page_size: limited(integer, { min: 1 }),
      max_attempts: limited(integer, { min: 1 }),
      backoff_seconds: limited(number, { min: 0 }),
      retries_at_minimum_page_size: limited(integer, { min: 0 }),
      failure_message: text,
      reset_policy: choice('NEVER', 'AFTER_SUCCESSFUL_PAGE'),
    },
  }),
  RequestWindowSplitting: typed({ fields: { failure_message: text, min_split_window: text } }),
  DefaultPaginator: typed({
    required: ['pagination_strategy'],
    fields: {
      pagination_strategy: component(
        'PageIncrement',
        'OffsetIncrement',
        'CursorPagination',
        'CustomPaginationStrategy',
      ),
      page_size_option: component('RequestOption'),
      page_token_option: component('RequestOption', 'RequestPath'),
    },
  }),
  NoPagination: typed({}),
  CursorPagination: typed({
    required: ['cursor_value'],
    fields: { cursor_value: text, page_size: integerOrText, stop_condition: text },
  }),
  OffsetIncrement: typed({ fields: { page_size: integerOrText, inject_on_first_request: flag } }),
  PageIncrement: typed({
    fields: { page_size: integerOrText, start_from_page: integer, inject_on_first_request: flag },
  }),
  CustomPaginationStrategy: typed({ required: ['class_name'], fields: { class_name: text } }),
}
