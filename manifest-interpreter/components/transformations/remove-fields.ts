import { list, optionalText } from '../../definition.ts'
import { compileGlob, removeLeaves, removeMatches, type Glob } from './dpath.ts'
import type { Builder, Transformation } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/**
 * RemoveFields: removes what the pointers match. With a condition the reference removes each value (no list or object)
 * for which it holds, wherever that is, once for each pointer.
 */
export function removeFields(definition: PlainDict, builder: Builder): Transformation {
  const pointers = list(definition, 'field_pointers').map((pointer) =>
    Array.isArray(pointer) ? pointer : [pointer],
  )
  const condition = optionalText(definition, 'condition')
  if (condition === undefined || condition === '') return removal(pointers)
  const holds = builder.templates.boolean(condition, { parameters: {} })
  const isSelected = (property: Value) => holds({ config: builder.config, property })
  return {
    transform(record) {
      pointers.forEach(() => removeLeaves(record, isSelected))
    },
  }
}

function removal(pointers: readonly Value[][]): Transformation {
  let globs: readonly Glob[] | undefined
  return {
    transform(record) {
      globs ??= pointers.map(compileGlob)
      for (const glob of globs) removeMatches(record, glob)
    },
  }
}
