import { choice, component, flag, list, text, typed } from './shape.ts'
import type { Definitions } from './shape.ts'

const extractor = component('DpathExtractor', 'CustomRecordExtractor', 'CombinedExtractor')
const texts = list(text)

export const recordDefinitions: Definitions = {
  RecordSelector: typed({
    required: ['extractor'],
    fields: {
      extractor,
      record_filter: component('RecordFilter', 'CustomRecordFilter'),
      schema_normalization: component('SchemaNormalization', 'CustomSchemaNormalization'),
      transform_before_filtering: flag,
    },
  }),
  RecordFilter: typed({ fields: { condition: text } }),
  CustomRecordFilter: typed({ required: ['class_name'], fields: { class_name: text } }),
  SchemaNormalization: choice('Default', 'None'),
  CustomSchemaNormalization: typed({ required: ['class_name'], fields: { class_name: text } }),
  DpathExtractor: typed({
    required: ['field_path'],
    fields: { field_path: texts, record_expander: component('RecordExpander') },
  }),
  CombinedExtractor: typed({
    required: ['extractors'],
    fields: {
      extractors: list(extractor, { min: 1 }),
      mode: component('CombineMode'),
      skip_empty_records: flag,
    },
  }),
  CombineMode: choice('union', 'first_match'),
  ResponseToFileExtractor: typed({ fields: { preserve_na_values: flag } }),
  CustomRecordExtractor: typed({ required: ['class_name'], fields: { class_name: text } }),
  RecordExpander: typed({
    required: ['expand_records_from_field'],
    fields: {
      expand_records_from_field: texts,
      remain_original_record: flag,
      parent_fields: list(component('ParentFieldPath')),
      merge_parent: flag,
      on_no_records: choice('skip', 'emit_parent'),
      truncation_indicator_path: texts,
      truncated_list_retriever: component('SimpleRetriever', 'CustomRetriever'),
    },
  }),
  ParentFieldPath: typed({
    required: ['parent_path', 'record_path'],
    fields: { parent_path: texts, record_path: texts },
  }),
}
