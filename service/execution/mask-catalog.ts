import {
  isJsonObject,
  type AirbyteCatalog,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'

/** Keywords whose texts are not prose: they do not change. */
const structural = new Set([
  'type',
  'format',
  'airbyte_type',
  'required',
  'pattern',
  '$ref',
  '$schema',
  '$id',
  '$anchor',
  'contentEncoding',
  'contentMediaType',
])

/** Keywords that contain schemas under names that the source chose. */
const named = new Set(['properties', 'patternProperties', '$defs', 'definitions'])

/**
 * A catalog without secrets in its prose: descriptions, defaults and the like. The names of streams and
 * columns, numbers and keywords stay, even if a secret is the same word: runs read by this catalog.
 */
export function maskCatalog(
  catalog: AirbyteCatalog,
  text: (text: string) => string,
): AirbyteCatalog {
  const schema = (value: JsonObject): JsonObject =>
    mapObject(value, (item, keyword) => {
      if (structural.has(keyword)) return item
      return named.has(keyword) && isJsonObject(item) ? mapObject(item, maskValue) : maskValue(item)
    })
  const maskValue = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map((item: JsonValue) => maskValue(item))
    return isJsonObject(value) ? schema(value) : value
  }
  return {
    ...catalog,
    streams: catalog.streams.map((stream) => ({
      ...stream,
      json_schema: schema(stream.json_schema),
    })),
  }
}

function mapObject(
  value: JsonObject,
  change: (item: JsonValue, name: string) => JsonValue,
): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, change(item, name)]))
}
