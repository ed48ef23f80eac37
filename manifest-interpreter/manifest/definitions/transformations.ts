import { component, flag, list, text, typed } from './shape.ts'
import type { Definitions } from './shape.ts'

const texts = list(text)

export const transformationDefinitions: Definitions = {
  AddFields: typed({
    required: ['fields'],
    fields: { fields: list(component('AddedFieldDefinition')), condition: text },
  }),
  AddedFieldDefinition: typed({
    required: ['path', 'value'],
    fields: { path: texts, value: text, value_type: component('ValueType') },
  }),
  RemoveFields: typed({
    required: ['field_pointers'],
    fields: { condition: text, field_pointers: list(texts) },
  }),
  KeysToLower: typed({}),
  KeysToSnakeCase: typed({}),
  KeysReplace: typed({ required: ['old', 'new'], fields: { old: text, new: text } }),
  FlattenFields: typed({ fields: { flatten_lists: flag } }),
  DpathFlattenFields: typed({
    required: ['field_path'],
    fields: {
      field_path: texts,
      delete_origin_value: flag,
      replace_record: flag,
      key_transformation: component('KeyTransformation'),
    },
  }),
  KeyTransformation: typed({ fields: { prefix: text, suffix: text } }),
  CustomTransformation: typed({ required: ['class_name'], fields: { class_name: text } }),
}
