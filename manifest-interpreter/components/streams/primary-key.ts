import type { Value } from '../../value/value.ts'

/** The key as the catalog shows it: names of top-level fields. */
export function primaryKeyOf(definition: Value | undefined): readonly string[] {
  if (definition === undefined || definition === null) return []
  if (typeof definition === 'string') return [definition]
  if (!Array.isArray(definition))
    throw new TypeError('primary_key must be a name or a list of names.')
  const names = definition.map((part) =>
    Array.isArray(part) && part.length === 1 ? (part[0] ?? null) : part,
  )
  // A list that mixes names and paths is refused, as the reference does it.
  const mixed = new Set(definition.map((part) => typeof part)).size > 1
  const texts = names.filter((name) => typeof name === 'string')
  if (mixed || texts.length < names.length)
    throw new TypeError('Nested primary keys are not supported: name top-level fields.')
  return texts
}
