import { component, list, text, typed } from './shape.ts'
import type { Definitions } from './shape.ts'

const innerDecoder = component(
  'CsvDecoder',
  'GzipDecoder',
  'JsonDecoder',
  'JsonItemsDecoder',
  'JsonlDecoder',
)

export const decoderDefinitions: Definitions = {
  JsonDecoder: typed({}),
  JsonItemsDecoder: typed({
    required: ['items_path'],
    fields: { items_path: text, encoding: text },
  }),
  JsonlDecoder: typed({}),
  CsvDecoder: typed({
    fields: { encoding: text, delimiter: text, set_values_to_none: list(text) },
  }),
  XmlDecoder: typed({}),
  IterableDecoder: typed({}),
  GzipDecoder: typed({ required: ['decoder'], fields: { decoder: innerDecoder } }),
  ZipfileDecoder: typed({ required: ['decoder'], fields: { decoder: innerDecoder } }),
  CustomDecoder: typed({ required: ['class_name'], fields: { class_name: text } }),
}
