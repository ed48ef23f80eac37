import { optionalText } from '../../definition.ts'
import type { PythonType } from '../../interpolation/python-type.ts'
import type { PlainDict } from '../../value/value.ts'

const types: ReadonlyMap<string | undefined, readonly [PythonType]> = new Map([
  ['string', ['str']],
  ['number', ['float']],
  ['integer', ['int']],
  ['boolean', ['bool']],
])

/**
 * The type that a `value_type` leaves to the result of a template: another result stays text. Undefined for
 * any.
 */
export function validTypesOf(definition: PlainDict): readonly [PythonType] | undefined {
  return types.get(optionalText(definition, 'value_type'))
}
