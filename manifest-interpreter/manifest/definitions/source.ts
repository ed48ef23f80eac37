import {
  anyOf,
  choice,
  component,
  fields,
  flag,
  integer,
  limited,
  list,
  mapOf,
  object,
  text,
  typed,
} from './shape.ts'
import type { Definitions } from './shape.ts'

export const sourceDefinitions: Definitions = {
  /** The manifest itself. */
  DeclarativeSource: fields({
    required: ['type', 'check', 'version'],
    oneOf: ['streams', 'dynamic_streams'],
    fields: {
      type: choice('DeclarativeSource'),
      check: component('CheckStream', 'CheckDynamicStream'),
      streams: list(component('ConditionalStreams', 'DeclarativeStream', 'StateDelegatingStream')),
      dynamic_streams: list(component('DynamicDeclarativeStream')),
      version: text,
      schemas: object,
      definitions: object,
      spec: component('Spec'),
      concurrency_level: component('ConcurrencyLevel'),
      api_budget: component('HTTPAPIBudget'),
      stream_groups: mapOf(component('StreamGroup')),
      max_concurrent_async_job_count: anyOf(integer, text),
      metadata: object,
      description: text,
    },
    closed: true,
  }),
  ConditionalStreams: typed({
    required: ['streams', 'condition'],
    fields: { condition: text, streams: list(component('DeclarativeStream')) },
  }),
  StreamGroup: fields({
    required: ['streams', 'action'],
    fields: {
      streams: list(component('DeclarativeStream')),
      action: component('BlockSimultaneousSyncsAction'),
    },
  }),
  BlockSimultaneousSyncsAction: typed({}),
  ConcurrencyLevel: typed({
    typeOptional: true,
    required: ['default_concurrency'],
    fields: { default_concurrency: anyOf(integer, text), max_concurrency: integer },
  }),
  CheckStream: typed({
    fields: {
      stream_names: list(text),
      dynamic_streams_check_configs: list(component('DynamicStreamCheckConfig')),
      config_overrides: object,
    },
  }),
  DynamicStreamCheckConfig: typed({
    required: ['dynamic_stream_name'],
    fields: { dynamic_stream_name: text, stream_count: limited(integer, { min: 1 }) },
  }),
  CheckDynamicStream: typed({
    required: ['stream_count'],
    fields: { stream_count: integer, use_check_availability: flag, config_overrides: object },
  }),
}
