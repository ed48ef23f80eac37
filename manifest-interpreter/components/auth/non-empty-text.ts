import { optionalText } from '../../definition.ts'
import type { PlainDict } from '../../value/value.ts'

/** A text of a definition; an empty one counts as missing. */
export function nonEmptyText(definition: PlainDict, name: string): string | undefined {
  const value = optionalText(definition, name)
  return value === '' ? undefined : value
}
