import type { ConfiguredStream } from '../component.ts'
import { get, isDict, isPlainDict } from '../value/dict.ts'
import type { Dict, Value } from '../value/value.ts'

/** The streams of a ConfiguredAirbyteCatalog by name, in its order. */
export function configuredStreams(catalog: Dict): ReadonlyMap<string, ConfiguredStream> {
  const streams = get(catalog, 'streams')
  if (!Array.isArray(streams))
    throw new TypeError('A configured catalog needs a list of "streams".')
  return new Map(
    streams.map((configured) => {
      const stream = isDict(configured) ? (get(configured, 'stream') ?? null) : null
      const name = isDict(stream) ? get(stream, 'name') : undefined
      if (!isDict(configured) || !isDict(stream) || typeof name !== 'string')
        throw new TypeError('Each stream of a configured catalog needs a "stream" with a "name".')
      const schema = get(stream, 'json_schema') ?? {}
      return [
        name,
        {
          name,
          jsonSchema: isPlainDict(schema) ? schema : {},
          cursorField: chosenCursor(get(configured, 'cursor_field') ?? null),
        },
      ]
    }),
  )
}

/** A list with one name; `['']` is no choice. */
function chosenCursor(field: Value): string | undefined {
  const first = Array.isArray(field) ? field[0] : field
  return typeof first === 'string' && first !== '' ? first : undefined
}
