import { field } from '../../definition.ts'
import { get, isDict, keys } from '../../value/dict.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { copyDict } from '../transformations/copy-value.ts'
import type { Builder } from '../../component.ts'
import type { Dict, PlainDict } from '../../value/value.ts'

/**
 * JsonSchemaPropertySelector: the properties that the configured catalog selects, by their names in the API.
 * Null if there is no catalog: all of them.
 */
export function jsonSchemaPropertySelector(
  definition: PlainDict,
  builder: Builder,
  stream: { readonly streamName: string; readonly configuredSchema?: Dict | null },
): () => ReadonlySet<string> | null {
  const { streamName, configuredSchema } = stream
  const transformations = builder.buildAll('transformation', field(definition, 'transformations'), {
    streamName,
  })
  return () => {
    if (configuredSchema == null) return null
    const properties = get(configuredSchema, 'properties')
    const selected = properties !== undefined && isDict(properties) ? copyDict(properties) : {}
    const renamed = transformations.reduce(
      (dict: Dict, step) => step.transform(dict, { slice: StreamSlice.empty, nextPageToken: null }),
      selected,
    )
    return new Set(keys(renamed).filter((key) => typeof key === 'string'))
  }
}
