import { field, optionalNumber } from '../../definition.ts'
import type { PlainDict } from '../../value/value.ts'

/**
 * PropertyChunking: splits the properties of a request into several requests if the API limits their number
 * or length.
 */
export interface PropertyChunking {
  chunks(
    properties: readonly string[],
    options: {
      /** In each chunk, and not counted. */
      readonly always: readonly string[]
      /** Only these, if it is given. */
      readonly selected: ReadonlySet<string> | null
    },
  ): readonly string[][]
}

/** The length that a property adds to its own characters: its separator, percent-encoded. */
const separatorLength = 3

export function propertyChunking(definition: PlainDict): PropertyChunking {
  const limit = optionalNumber(definition, 'property_limit') ?? 0
  const countsCharacters = field(definition, 'property_limit_type') === 'characters'
  const sizeOf = (property: string) =>
    countsCharacters ? Array.from(property).length + separatorLength : 1
  return {
    chunks(properties, { always, selected }) {
      if (limit === 0) return [[...properties, ...always]]
      const chunks = [[...always]]
      let size = 0
      for (const property of properties) {
        if (selected?.has(property) === false) continue
        if (size + sizeOf(property) > limit) {
          chunks.push([...always])
          size = 0
        }
        chunks.at(-1)?.push(property)
        size += sizeOf(property)
      }
      return chunks
    },
  }
}
