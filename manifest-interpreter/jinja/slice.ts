import { textOf } from '../value/hashable.ts'
import { index } from '../value/number.ts'
import { typeError, valueError } from '../value/python-error.ts'
import { PyTuple, type Value } from '../value/value.ts'
import { codePoints } from './iterate.ts'
import { isMarkup, markup } from './markup.ts'
import { isUndefined, typeNameOf, undefinedError, type Operand } from './operand.ts'

export interface Bounds {
  readonly start: Operand
  readonly stop: Operand
  readonly step: Operand
}

/** `value[start:stop:step]`; throws a TypeError if the value cannot be sliced or a bound is no int. */
export function slice(value: Operand, bounds: Bounds): Operand {
  if (value === undefined || isUndefined(value)) throw undefinedError(value)
  if (![bounds.start, bounds.stop, bounds.step].every(isBound)) {
    throw typeError('slice indices must be integers or None')
  }
  const text = textOf(value)
  if (text !== undefined) {
    const part = pick(codePoints(text), bounds).join('')
    return isMarkup(value) ? markup(part) : part
  }
  if (Array.isArray(value)) return pick<Value>(value, bounds)
  if (value instanceof PyTuple) return new PyTuple(pick(value.items, bounds))
  if (value instanceof Uint8Array) return new Uint8Array(pick([...value], bounds))
  throw typeError(`'${typeNameOf(value)}' object is not subscriptable`)
}

function isBound(value: Operand): boolean {
  return value === null || index(value) !== undefined
}

function pick<Item>(items: readonly Item[], bounds: Bounds): Item[] {
  const step = index(bounds.step) ?? 1
  if (step === 0) throw valueError('slice step cannot be zero')
  const { length } = items
  const isBackwards = step < 0
  const least = isBackwards ? -1 : 0
  const most = isBackwards ? length - 1 : length
  const boundOf = (value: Operand, otherwise: number): number => {
    const position = index(value)
    if (position === undefined) return otherwise
    const counted = position < 0 ? position + length : position
    return Math.min(most, Math.max(least, counted))
  }
  const start = boundOf(bounds.start, isBackwards ? most : least)
  const stop = boundOf(bounds.stop, isBackwards ? least : most)
  if (step === 1) return items.slice(start, Math.max(start, stop))
  const picked: Item[] = []
  for (let i = start; isBackwards ? i > stop : i < stop; i += step) {
    const item = items[i]
    if (item !== undefined) picked.push(item)
  }
  return picked
}
