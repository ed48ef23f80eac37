import { textOf } from '../value/hashable.ts'
import { valueError } from '../value/python-error.ts'
import type { Value } from '../value/value.ts'
import type { FilterContext } from './filter.ts'
import { getItem } from './lookup.ts'
import { isUndefined, type Operand } from './operand.ts'

/** How filters read an attribute of their items: `attribute='a.b.0'`, as keys first, then attributes. */
export type AttributeReader = (item: Operand) => Operand

export function attributeReader(
  attribute: Operand,
  context: FilterContext,
  otherwise: Operand = null,
): AttributeReader {
  const parts = partsOf(attribute)
  return (item) => {
    context.budget.charge(1)
    let value = item
    for (const part of parts) {
      value = getItem(value, part, context.budget)
      if (otherwise !== null && isUndefined(value)) value = otherwise
    }
    return value
  }
}

function partsOf(attribute: Operand): readonly Value[] {
  if (attribute === null) return []
  const text = textOf(attribute)
  if (text !== undefined) {
    return text.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))
  }
  if (attribute === undefined) throw valueError('The attribute of a filter is undefined.')
  return [attribute]
}

/** For comparisons that do not see case. */
export function ignoringCase(value: Operand): Operand {
  return typeof value === 'string' ? value.toLowerCase() : value
}
