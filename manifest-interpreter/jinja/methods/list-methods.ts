import { limitLength } from '../../value/arithmetic.ts'
import { contains, equals } from '../../value/equality.ts'
import { sorted } from '../../value/ordering.ts'
import { PythonError, typeError, valueError } from '../../value/python-error.ts'
import { truth } from '../../value/truth.ts'
import type { PyTuple } from '../../value/value.ts'
import { PyObject, PySet, type Value } from '../../value/value.ts'
import type { Budget } from '../budget.ts'
import { toList } from '../iterate.ts'
import { defined, entryOf, operandOf, typeNameOf, type Operand } from '../operand.ts'
import { requireHashable } from '../../value/hashable.ts'
import { methods, type Method, type Methods } from './method.ts'
import { countArgument } from './string-methods.ts'

/** The methods of list, tuple and set. Those of a list change it in place, as the sandbox allows. */

function indexOf([value, start, stop]: readonly Operand[], items: readonly Value[]): number {
  const from = clamp(start, items.length)
  const to = clamp(stop, items.length)
  for (let i = from; i < to; i++) {
    const item = items[i]
    if (item !== undefined && equals(item, entryOf(value))) return i
  }
  throw valueError('the value is not in the list')
}

function clamp(value: Operand, length: number): number {
  const position = countArgument(value)
  return Math.min(length, position < 0 ? Math.max(0, position + length) : position)
}

function counted(items: readonly Value[], value: Operand): number {
  return items.filter((item) => equals(item, entryOf(value))).length
}

const noLimit = { start: 0, stop: Number.MAX_SAFE_INTEGER }

export const listMethods: Methods<Value[]> = methods<Value[]>({
  append: {
    required: ['object'],
    run: ([value], { self }) => {
      limitLength(self.length)
      self.push(entryOf(value))
      return null
    },
  },
  extend: {
    required: ['iterable'],
    run: ([iterable], { self, budget }) => {
      const items = toList(iterable, budget)
      limitLength(self.length + items.length)
      self.push(...items)
      return null
    },
  },
  insert: {
    required: ['index', 'object'],
    run: ([position, value], { self }) => {
      limitLength(self.length)
      self.splice(clamp(position, self.length), 0, entryOf(value))
      return null
    },
  },
  pop: {
    optional: { index: -1 },
    run: ([index], { self }) => {
      const position = countArgument(index)
      const from = position < 0 ? position + self.length : position
      const [removed] = from < 0 ? [] : self.splice(from, 1)
      if (removed === undefined) throw new PythonError('IndexError', 'pop index out of range')
      return operandOf(removed)
    },
  },
  remove: {
    required: ['value'],
    run: ([value], { self }) => {
      self.splice(indexOf([value, 0, self.length], self), 1)
      return null
    },
  },
  clear: { run: (_args, { self }) => (self.splice(0), null) },
  copy: { run: (_args, { self }) => [...self] },
  count: { required: ['value'], run: ([value], { self }) => counted(self, value) },
  index: { required: ['value'], optional: noLimit, run: (args, { self }) => indexOf(args, self) },
  reverse: { run: (_args, { self }) => (self.reverse(), null) },
  sort: {
    optional: { key: null, reverse: false },
    run: ([key, reverse], { self, budget }) => {
      const list = sorted(self, {
        reverse: truth(reverse),
        ...(key !== null && { key: (item: Value) => called(key, item, budget) }),
      })
      self.splice(0, self.length, ...list)
      return null
    },
  },
})

function called(key: Operand, item: Value, budget: Budget): Value {
  const call = key instanceof PyObject ? key.traits.call : undefined
  if (call === undefined) throw typeError(`'${typeNameOf(key)}' object is not callable`)
  budget.charge(1)
  return defined(call([item], undefined))
}

export const tupleMethods: Methods<PyTuple> = methods<PyTuple>({
  count: { required: ['value'], run: ([value], { self }) => counted(self.items, value) },
  index: {
    required: ['value'],
    optional: noLimit,
    run: (args, { self }) => indexOf(args, self.items),
  },
})

/** A set as a template sees it: a new one each time, since it is never changed in place. */
function combine(keep: (self: PySet, other: readonly Value[]) => readonly Value[]): Method<PySet> {
  return {
    required: ['other'],
    run: ([other], { self, budget }) => setOf(keep(self, toList(other, budget))),
  }
}

function compareWith(test: (self: PySet, other: readonly Value[]) => boolean): Method<PySet> {
  return {
    required: ['other'],
    run: ([other], { self, budget }) => test(self, toList(other, budget)),
  }
}

export function setOf(items: Iterable<Value>): PySet {
  const distinct: Value[] = []
  for (const item of items) {
    requireHashable(item)
    if (!contains(distinct, item)) distinct.push(item)
  }
  return new PySet(distinct)
}

export const setMethods: Methods<PySet> = methods<PySet>({
  copy: { run: (_args, { self }) => self },
  union: combine((self, other) => [...self.items, ...other]),
  intersection: combine((self, other) => self.items.filter((item) => contains(other, item))),
  difference: combine((self, other) => self.items.filter((item) => !contains(other, item))),
  symmetric_difference: combine((self, other) => [
    ...self.items.filter((item) => !contains(other, item)),
    ...other.filter((item) => !contains(self.items, item)),
  ]),
  issubset: compareWith((self, other) => self.items.every((item) => contains(other, item))),
  issuperset: compareWith((self, other) => other.every((item) => contains(self.items, item))),
  isdisjoint: compareWith((self, other) => !self.items.some((item) => contains(other, item))),
})
