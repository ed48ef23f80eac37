import { numeric } from '../../value/number.ts'
import { repr } from '../../value/text.ts'
import type { Value } from '../../value/value.ts'
import { compareNumbers, isNumber, isOfType, sameJson } from './types.ts'
import type { Keyword } from './keyword.ts'

/** Keywords about a value as a whole, a number or a text. */
export const valueKeywords: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  [
    'type',
    ({ argument, instance }) => {
      const types = Array.isArray(argument) ? argument : [argument]
      if (types.some((type) => isOfType(instance, type))) return []
      return [{ message: `The value is not of type ${types.map(repr).join(', ')}` }]
    },
  ],
  [
    'enum',
    ({ argument, instance }) => {
      const values = Array.isArray(argument) ? argument : []
      if (values.some((value) => sameJson(value, instance))) return []
      return [{ message: `The value is not one of ${repr(argument)}` }]
    },
  ],
  [
    'const',
    ({ argument, instance }) =>
      sameJson(argument, instance) ? [] : [{ message: `${repr(argument)} was expected` }],
  ],
  ['minimum', limit((order) => order < 0, 'is less than the minimum of')],
  ['maximum', limit((order) => order > 0, 'is greater than the maximum of')],
  ['exclusiveMinimum', limit((order) => order <= 0, 'is less than or equal to the minimum of')],
  ['exclusiveMaximum', limit((order) => order >= 0, 'is greater than or equal to the maximum of')],
  [
    'multipleOf',
    ({ argument, instance }) =>
      !isNumber(instance) || isMultiple(instance, argument)
        ? []
        : [{ message: `The value is not a multiple of ${repr(argument)}` }],
  ],
  [
    'pattern',
    ({ argument, instance, isFound }) =>
      typeof instance !== 'string' || isFound(argument, instance)
        ? []
        : [{ message: `The value does not match ${repr(argument)}` }],
  ],
  [
    'minLength',
    ({ argument, instance }) => {
      if (typeof instance !== 'string' || compareNumbers(length(instance), argument) >= 0) return []
      return [{ message: `The value ${argument === 1 ? 'should be non-empty' : 'is too short'}` }]
    },
  ],
  [
    'maxLength',
    ({ argument, instance }) => {
      if (typeof instance !== 'string' || compareNumbers(length(instance), argument) <= 0) return []
      return [
        {
          message: `The value ${argument === 0 ? 'is expected to be empty' : 'is too long'}`,
        },
      ]
    },
  ],
])

function limit(isBeyond: (order: number) => boolean, words: string): Keyword {
  return ({ argument, instance }) => {
    // Draft 4 has true or false here, which changes another keyword: not known to be used by a manifest.
    if (!isNumber(instance) || !isNumber(argument)) return []
    return isBeyond(compareNumbers(instance, argument))
      ? [{ message: `The value ${words} ${repr(argument)}` }]
      : []
  }
}

function isMultiple(value: Value, step: Value): boolean {
  const [a, b] = [numeric(value), numeric(step)]
  if (a === undefined || b === undefined) return true
  if (typeof a === 'bigint' && typeof b === 'bigint') return a % b === 0n
  return Number.isInteger(Number(a) / Number(b))
}

/** Characters, not UTF-16 units. */
function length(text: string): number {
  return Array.from(text).length
}
