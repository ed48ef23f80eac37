import { arithmetic, limitLength, signed, type Operator } from '../value/arithmetic.ts'
import { has, isDict } from '../value/dict.ts'
import { contains, equals } from '../value/equality.ts'
import { requireHashable, textOf } from '../value/hashable.ts'
import { compare } from '../value/ordering.ts'
import { typeError } from '../value/python-error.ts'
import { PyObject, PySet, PyTuple, type Value } from '../value/value.ts'
import { iterate } from './iterate.ts'
import { escapedText, isMarkup, markup } from './markup.ts'
import type { CompareOperator } from './nodes.ts'
import {
  defined,
  entryOf,
  isUndefined,
  typeNameOf,
  undefinedError,
  type Operand,
} from './operand.ts'
import { percentFormat } from './percent-format.ts'

/** Python's operators on what a template may hold. */

export function binary(operator: Operator, left: Operand, right: Operand): Operand {
  if (operator === '%') {
    const template = textOf(left)
    if (template !== undefined) return formatted(left, template, right)
  }
  if (left === undefined || isUndefined(left)) throw undefinedError(left)
  if (right === undefined || isUndefined(right)) throw undefinedError(right)
  if (operator === '+' && (isMarkup(left) || isMarkup(right))) return joinedMarkup(left, right)
  return arithmetic(operator, left, right)
}

function formatted(left: Operand, template: string, right: Operand): Value {
  if (!isMarkup(left)) return percentFormat(template, right)
  const args = right instanceof PyTuple ? right.items : [entryOf(right)]
  return markup(percentFormat(template, new PyTuple(args.map(escapedArgument))))
}

function escapedArgument(value: Value): Value {
  return textOf(value) === undefined ? value : escapedText(value)
}

function joinedMarkup(left: Value, right: Value): Value {
  const leftText = textOf(left)
  const rightText = textOf(right)
  if (leftText === undefined || rightText === undefined) return arithmetic('+', left, right)
  limitLength(leftText.length + rightText.length)
  return markup(escapedText(left) + escapedText(right))
}

export function sign(operator: '-' | '+', value: Operand): Operand {
  if (value === undefined || isUndefined(value)) throw undefinedError(value)
  return signed(operator, value)
}

export function comparison(operator: CompareOperator, left: Operand, right: Operand): boolean {
  switch (operator) {
    case '==':
      return operandsEqual(left, right)
    case '!=':
      return !operandsEqual(left, right)
    case 'in':
      return isIn(left, right)
    case 'not in':
      return !isIn(left, right)
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(operator, defined(left), defined(right))
  }
}

/** Undefined equals only undefined. */
export function operandsEqual(left: Operand, right: Operand): boolean {
  if (left === right) return !Number.isNaN(left)
  if (left === undefined || right === undefined) return isUndefined(left) && isUndefined(right)
  return equals(left, right)
}

export function isIn(value: Operand, container: Operand): boolean {
  const text = textOf(container)
  if (text !== undefined) {
    const sought = textOf(value)
    if (sought !== undefined) return text.includes(sought)
    throw typeError(`'in <string>' requires string as left operand, not ${typeNameOf(value)}`)
  }
  if (container === undefined || isUndefined(container)) return false
  const item = entryOf(value)
  if (Array.isArray(container)) return contains(container, item)
  const dict = container instanceof PyObject ? container.traits.mapping?.() : container
  if (isDict(dict)) {
    requireHashable(item)
    return has(dict, item)
  }
  if (container instanceof PyTuple) return contains(container.items, item)
  if (container instanceof PySet) {
    requireHashable(item)
    return contains(container.items, item)
  }
  return isAmong(item, iterate(container))
}

function isAmong(item: Value, items: Iterable<Value>): boolean {
  for (const other of items) if (equals(other, item)) return true
  return false
}
