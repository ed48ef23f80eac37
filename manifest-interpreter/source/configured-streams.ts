import { ConnectError } from '../../protocol/errors/connect-error.ts'
import type { ConfiguredStream } from '../component.ts'
import { get, isDict, isPlainDict } from '../value/dict.ts'
import type { Dict, Value } from '../value/value.ts'

/**
 * The streams of a ConfiguredAirbyteCatalog by name, in its order. Throws `source_file_unusable` with the
 * name of its `file`.
 */
export function configuredStreams(
  catalog: Dict,
  file = 'The configured catalog',
): ReadonlyMap<string, ConfiguredStream> {
  const unusable = (reason: string): ConnectError =>
    new ConnectError('source_file_unusable', { details: { file, reason } })
  const streams = get(catalog, 'streams')
  if (!Array.isArray(streams)) throw unusable('it needs a list of "streams"')
  return new Map(
    streams.map((configured) => {
      const stream = isDict(configured) ? (get(configured, 'stream') ?? null) : null
      const name = isDict(stream) ? get(stream, 'name') : undefined
      if (!isDict(configured) || !isDict(stream) || typeof name !== 'string')
        throw unusable('each of its streams needs a "stream" with a "name"')
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
