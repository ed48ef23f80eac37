import { list, optionalText } from '../../definition.ts'
import { isPattern } from './glob-pattern.ts'
import { compileGlob, removeLeaves, removeMatches, type Glob } from './dpath.ts'
import { has, set } from '../../value/dict.ts'
import type { Builder } from '../../component.ts'
import type { Transformation } from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/**
 * RemoveFields: removes the values that the pointers match. If there is a condition, the reference removes
 * each value (no list or object) for which it holds, at any place, once for each pointer.
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
      return record
    },
  }
}

function removal(pointers: readonly Value[][]): Transformation {
  const ownFields = ownFieldsOf(pointers)
  let globs: readonly Glob[] | undefined
  return {
    transform(record) {
      if (ownFields !== null && !(record instanceof Map)) return without(record, ownFields)
      globs ??= pointers.map(compileGlob)
      for (const glob of globs) removeMatches(record, glob)
      return record
    },
  }
}

/** The names of the usual case: fields of the record itself. Null for other pointers. */
function ownFieldsOf(pointers: readonly Value[][]): ReadonlySet<string> | null {
  const names = pointers.flatMap(([name, ...inner]) =>
    typeof name === 'string' && inner.length === 0 && !isPattern(name) ? [name] : [],
  )
  return names.length === pointers.length ? new Set(names) : null
}

/**
 * A copy if there is something to remove: V8 makes an object slow, for all that reads it later, that loses a
 * key in its middle.
 */
function without(record: PlainDict, removed: ReadonlySet<string>): Dict {
  let isAffected = false
  for (const name of removed) isAffected ||= has(record, name)
  if (!isAffected) return record
  const remaining: PlainDict = {}
  for (const key in record) if (!removed.has(key)) set(remaining, key, record[key] ?? null)
  return remaining
}
