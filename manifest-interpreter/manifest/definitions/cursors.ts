import { anyOf, component, fields, flag, integer, list, object, text, typed } from './shape.ts'
import type { Definitions } from './shape.ts'

export const cursorDefinitions: Definitions = {
  DatetimeBasedCursor: typed({
    required: ['cursor_field', 'datetime_format', 'start_datetime'],
    fields: {
      clamping: fields({ required: ['target'], fields: { target: text, target_details: object } }),
      cursor_field: text,
      allow_catalog_defined_cursor_field: flag,
      cursor_datetime_formats: list(text),
      start_datetime: anyOf(component('MinMaxDatetime'), text),
      start_time_option: component('RequestOption'),
      end_datetime: anyOf(component('MinMaxDatetime'), text),
      end_time_option: component('RequestOption'),
      datetime_format: text,
      cursor_granularity: text,
      is_data_feed: flag,
      is_client_side_incremental: flag,
      is_compare_strictly: flag,
      global_substream_cursor: flag,
      lookback_window: text,
      partition_field_end: text,
      partition_field_start: text,
      step: text,
    },
  }),
  MinMaxDatetime: typed({
    required: ['datetime'],
    fields: { datetime: text, datetime_format: text, max_datetime: text, min_datetime: text },
  }),
  IncrementingCountCursor: typed({
    required: ['cursor_field'],
    fields: {
      cursor_field: text,
      allow_catalog_defined_cursor_field: flag,
      start_value: anyOf(text, integer),
      start_value_option: component('RequestOption'),
    },
  }),
  LegacyToPerPartitionStateMigration: typed({ typeOptional: true }),
  CustomStateMigration: typed({ required: ['class_name'], fields: { class_name: text } }),
}
