import { anyOf, component, fields, list, object, text, typed } from './shape.ts'
import type { Definitions } from './shape.ts'

const texts = list(text)

export const schemaLoaderDefinitions: Definitions = {
  InlineSchemaLoader: typed({ fields: { schema: object } }),
  JsonFileSchemaLoader: typed({ fields: { file_path: text } }),
  DynamicSchemaLoader: typed({
    required: ['retriever', 'schema_type_identifier'],
    fields: {
      retriever: component('SimpleRetriever', 'AsyncRetriever', 'CustomRetriever'),
      schema_filter: component('RecordFilter', 'CustomRecordFilter'),
      schema_transformations: list(
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
      schema_type_identifier: component('SchemaTypeIdentifier'),
    },
  }),
  SchemaTypeIdentifier: typed({
    typeOptional: true,
    required: ['key_pointer'],
    fields: {
      schema_pointer: texts,
      key_pointer: texts,
      type_pointer: texts,
      types_mapping: list(component('TypesMap')),
    },
  }),
  TypesMap: fields({
    required: ['target_type', 'current_type'],
    fields: {
      target_type: anyOf(component('ComplexFieldType'), text, texts),
      current_type: anyOf(text, texts),
      condition: text,
    },
  }),
  ComplexFieldType: fields({
    required: ['field_type'],
    fields: { field_type: text, items: anyOf(component('ComplexFieldType'), text) },
  }),
  CustomSchemaLoader: typed({ required: ['class_name'], fields: { class_name: text } }),
}
