import { anyOf, choice, component, fields, flag, list, object, text, typed } from './shape.ts'
import type { Definitions } from './shape.ts'

const retriever = component('SimpleRetriever', 'AsyncRetriever', 'CustomRetriever')
const componentsMapping = list(component('ComponentMappingDefinition'))
const texts = list(text)

export const streamDefinitions: Definitions = {
  DeclarativeStream: typed({
    required: ['retriever'],
    fields: {
      name: text,
      retriever,
      incremental_sync: component('DatetimeBasedCursor', 'IncrementingCountCursor'),
      primary_key: component('PrimaryKey'),
      schema_loader: anyOf(
        component(
          'InlineSchemaLoader',
          'DynamicSchemaLoader',
          'JsonFileSchemaLoader',
          'CustomSchemaLoader',
        ),
        list(
          component(
            'InlineSchemaLoader',
            'DynamicSchemaLoader',
            'JsonFileSchemaLoader',
            'CustomSchemaLoader',
          ),
        ),
      ),
      transformations: list(
        component(
          'AddFields',
          'RemoveFields',
          'KeysToLower',
          'KeysToSnakeCase',
          'FlattenFields',
          'DpathFlattenFields',
          'KeysReplace',
          'CustomTransformation',
        ),
      ),
      state_migrations: list(
        component('LegacyToPerPartitionStateMigration', 'CustomStateMigration'),
      ),
      file_uploader: fields({
        required: ['type', 'requester', 'download_target_extractor'],
        fields: {
          type: choice('FileUploader'),
          requester: component('HttpRequester', 'CustomRequester'),
          download_target_extractor: component(
            'DpathExtractor',
            'CustomRecordExtractor',
            'CombinedExtractor',
          ),
          file_extractor: component('DpathExtractor', 'CustomRecordExtractor'),
          filename_extractor: text,
          $parameters: object,
        },
      }),
    },
  }),
  StateDelegatingStream: typed({
    required: ['name', 'full_refresh_stream', 'incremental_stream'],
    fields: {
      name: text,
      full_refresh_stream: component('DeclarativeStream'),
      incremental_stream: component('DeclarativeStream'),
      api_retention_period: text,
    },
  }),
  PrimaryKey: anyOf(text, texts, list(texts)),
  DynamicDeclarativeStream: typed({
    required: ['stream_template', 'components_resolver'],
    fields: {
      name: text,
      stream_template: component('DeclarativeStream', 'StateDelegatingStream'),
      components_resolver: component(
        'HttpComponentsResolver',
        'ConfigComponentsResolver',
        'ParametrizedComponentsResolver',
      ),
      use_parent_parameters: flag,
    },
  }),
  HttpComponentsResolver: typed({
    required: ['retriever', 'components_mapping'],
    fields: { retriever: retriever, components_mapping: componentsMapping },
  }),
  ConfigComponentsResolver: typed({
    required: ['stream_config', 'components_mapping'],
    fields: {
      stream_config: anyOf(component('StreamConfig'), list(component('StreamConfig'))),
      components_mapping: componentsMapping,
    },
  }),
  StreamConfig: typed({
    required: ['configs_pointer'],
    fields: { configs_pointer: texts, default_values: list(object) },
  }),
  ParametrizedComponentsResolver: typed({
    required: ['stream_parameters', 'components_mapping'],
    fields: {
      stream_parameters: component('StreamParametersDefinition'),
      components_mapping: componentsMapping,
    },
  }),
  StreamParametersDefinition: typed({
    required: ['list_of_parameters_for_stream'],
    fields: { list_of_parameters_for_stream: list(object) },
  }),
  ComponentMappingDefinition: typed({
    required: ['field_path', 'value'],
    fields: {
      field_path: texts,
      value: text,
      value_type: component('ValueType'),
      create_or_update: flag,
      condition: text,
    },
  }),
  ValueType: choice('string', 'number', 'integer', 'boolean'),
}
