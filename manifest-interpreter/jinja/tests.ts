import { isDict } from '../value/dict.ts'
import { textOf } from '../value/hashable.ts'
import { isFloat, isInt, numeric } from '../value/number.ts'
import { typeError } from '../value/python-error.ts'
import { PyObject, PyTuple, type Value } from '../value/value.ts'
import type { FilterContext } from './filter.ts'
import { isIterable } from './iterate.ts'
import { isMarkup } from './markup.ts'
import { isAllLower, isAllUpper } from './methods/string-classes.ts'
import type { Native } from './native.ts'
import type { CompareOperator } from './nodes.ts'
import { binary, comparison, isIn, operandsEqual } from './operators.ts'
import { isUndefined, textOfOperand, type Operand } from './operand.ts'

/** Jinja's tests: `value is name` and `value is name(argument)`. */
export type Test = Native<FilterContext>

function unary(test: (value: Operand) => boolean): Test {
  return { required: ['value'], run: ([value]) => test(value) }
}

function compares(operator: CompareOperator): Test {
  return { required: ['a', 'b'], run: ([a, b]) => comparison(operator, a, b) }
}

function remainder(value: Operand, divisor: Operand): Operand {
  return binary('%', value, divisor)
}

function isSequence(value: Operand): boolean {
  if (isUndefined(value) || textOf(value) !== undefined || Array.isArray(value)) return true
  if (value instanceof PyTuple || value instanceof Uint8Array) return true
  return isMapping(value) || (value instanceof PyObject && value.traits.entry !== undefined)
}

function isMapping(value: Operand): boolean {
  return isDict(value) || (value instanceof PyObject && value.traits.mapping !== undefined)
}

/** `is`: one object. Texts and numbers that are equal are taken for one. */
function isSame(left: Operand, right: Operand): boolean {
  if (left === undefined || right === undefined) return isUndefined(left) && isUndefined(right)
  if (typeof left !== typeof right) return false
  return typeof left === 'object' && numeric(left) === undefined
    ? left === right
    : operandsEqual(left, right)
}

function nameOf(value: Operand): string | undefined {
  return textOf(value)
}

const equal = compares('==')
const unequal = compares('!=')
const greater = compares('>')
const less = compares('<')
const atLeast = compares('>=')
const atMost = compares('<=')

export const tests: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['odd', unary((value) => operandsEqual(remainder(value, 2), 1))],
  ['even', unary((value) => operandsEqual(remainder(value, 2), 0))],
  [
    'divisibleby',
    {
      required: ['value', 'num'],
      run: ([value, number]) => operandsEqual(remainder(value, number), 0),
    },
  ],
  ['defined', unary((value) => !isUndefined(value))],
  ['undefined', unary(isUndefined)],
  [
    'filter',
    { required: ['value'], run: ([name], context) => context.hasFilter(nameOf(name) ?? '') },
  ],
  ['test', { required: ['value'], run: ([name], context) => context.hasTest(nameOf(name) ?? '') }],
  ['none', unary((value) => value === null)],
  ['boolean', unary((value) => typeof value === 'boolean')],
  ['false', unary((value) => value === false)],
  ['true', unary((value) => value === true)],
  ['integer', unary(isInt)],
  ['float', unary(isFloat)],
  ['lower', unary((value) => isAllLower(textOfOperand(value)))],
  ['upper', unary((value) => isAllUpper(textOfOperand(value)))],
  ['string', unary((value) => textOf(value) !== undefined)],
  ['mapping', unary(isMapping)],
  ['number', unary(isNumber)],
  ['sequence', unary(isSequence)],
  ['iterable', unary(isIterable)],
  ['callable', unary(isCallable)],
  ['sameas', { required: ['value', 'other'], run: ([value, other]) => isSame(value, other) }],
  ['escaped', unary(isMarkup)],
  ['in', { required: ['value', 'seq'], run: ([value, seq]) => isIn(value, seq) }],
  ['==', equal],
  ['eq', equal],
  ['equalto', equal],
  ['!=', unequal],
  ['ne', unequal],
  ['>', greater],
  ['gt', greater],
  ['greaterthan', greater],
  ['<', less],
  ['lt', less],
  ['lessthan', less],
  ['>=', atLeast],
  ['ge', atLeast],
  ['<=', atMost],
  ['le', atMost],
])

/** Undefined has a `__call__`, which fails. */
function isCallable(value: Operand): boolean {
  return isUndefined(value) || (value instanceof PyObject && value.traits.call !== undefined)
}

function isNumber(value: Operand): boolean {
  if (value === undefined) return false
  return numeric(value) !== undefined || isComplexNumber(value)
}

function isComplexNumber(value: Value): boolean {
  return value instanceof PyObject && value.traits.type === 'complex'
}

/** The result of a test. */
export function verdict(value: Operand): boolean {
  if (typeof value !== 'boolean') throw typeError('a test gives true or false')
  return value
}
