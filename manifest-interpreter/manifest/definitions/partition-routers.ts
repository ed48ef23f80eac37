import { anyOf, component, flag, integer, list, text, typed } from './shape.ts'
import type { Definitions } from './shape.ts'

const texts = list(text)

export const partitionRouterDefinitions: Definitions = {
  ListPartitionRouter: typed({
    required: ['cursor_field', 'values'],
    fields: {
      cursor_field: text,
      values: anyOf(text, texts),
      request_option: component('RequestOption'),
    },
  }),
  SubstreamPartitionRouter: typed({
    required: ['parent_stream_configs'],
    fields: { parent_stream_configs: list(component('ParentStreamConfig')) },
  }),
  ParentStreamConfig: typed({
    required: ['parent_key', 'partition_field', 'stream'],
    fields: {
      stream: component('DeclarativeStream', 'StateDelegatingStream'),
      parent_key: text,
      partition_field: text,
      request_option: component('RequestOption'),
      incremental_dependency: flag,
      lazy_read_pointer: texts,
      extra_fields: list(texts),
    },
  }),
  GroupingPartitionRouter: typed({
    required: ['group_size', 'underlying_partition_router'],
    fields: {
      group_size: integer,
      underlying_partition_router: component(
        'ListPartitionRouter',
        'SubstreamPartitionRouter',
        'UnionPartitionRouter',
        'CustomPartitionRouter',
      ),
      deduplicate: flag,
    },
  }),
  UnionPartitionRouter: typed({
    required: ['partition_field', 'partition_routers'],
    fields: {
      partition_field: text,
      partition_routers: list(
        component(
          'ListPartitionRouter',
          'SubstreamPartitionRouter',
          'UnionPartitionRouter',
          'CustomPartitionRouter',
        ),
        { min: 2 },
      ),
    },
  }),
  CustomPartitionRouter: typed({ required: ['class_name'], fields: { class_name: text } }),
}
