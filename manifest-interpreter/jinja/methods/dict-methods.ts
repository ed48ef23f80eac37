import {
  copy,
  entries,
  get,
  has,
  isDict,
  keys,
  remove,
  set,
  size,
  values,
} from '../../value/dict.ts'
import { requireHashable } from '../../value/hashable.ts'
import { PythonError, typeError, valueError } from '../../value/python-error.ts'
import { repr } from '../../value/text.ts'
import { PyObject, PyTuple, type Dict, type Keywords, type Value } from '../../value/value.ts'
import type { Budget } from '../budget.ts'
import { iterate, toList } from '../iterate.ts'
import { entryOf, operandOf, type Operand } from '../operand.ts'
import { methods, type Methods } from './method.ts'

/** The methods of dict. The sandbox allows those that change it. */

/** dict.keys() and the like: a view shows the dict as it is at that moment. */
function view(name: 'keys' | 'values' | 'items', dict: Dict, list: () => Value[]): PyObject {
  return new PyObject({
    type: `dict_${name}`,
    repr: () => `dict_${name}(${repr(list())})`,
    size: () => size(dict),
    iterate: () => list().values(),
  })
}

function pairs(dict: Dict): PyTuple[] {
  return entries(dict).map((entry) => new PyTuple(entry))
}

function keyOf(key: Operand): Value {
  const value = entryOf(key)
  requireHashable(value)
  return value
}

export const dictMethods: Methods<Dict> = methods<Dict>({
  get: {
    required: ['key'],
    optional: { default: null },
    run: ([key, otherwise], { self }) => {
      const value = get(self, keyOf(key))
      return value === undefined ? otherwise : operandOf(value)
    },
  },
  keys: { run: (_args, { self }) => view('keys', self, () => keys(self)) },
  values: { run: (_args, { self }) => view('values', self, () => values(self)) },
  items: { run: (_args, { self }) => view('items', self, () => pairs(self)) },
  copy: { run: (_args, { self }) => copy(self) },
  pop: {
    required: ['key'],
    rest: true,
    run: (args, { self }) => {
      if (args.length > 2) throw typeError('pop expected at most 2 arguments')
      const key = keyOf(args[0])
      const value = get(self, key)
      if (value === undefined && args.length < 2) throw missingKey()
      remove(self, key)
      return value === undefined ? args[1] : operandOf(value)
    },
  },
  popitem: {
    run: (_args, { self }) => {
      const last = entries(self).at(-1)
      if (last === undefined) throw new PythonError('KeyError', 'popitem(): dictionary is empty')
      remove(self, last[0])
      return new PyTuple(last)
    },
  },
  setdefault: {
    required: ['key'],
    optional: { default: null },
    run: ([key, otherwise], { self }) => {
      if (!has(self, keyOf(key))) set(self, keyOf(key), entryOf(otherwise))
      return operandOf(get(self, keyOf(key)))
    },
  },
  update: {
    rest: true,
    restKeywords: true,
    run: (args, { self, budget }, keywords) => {
      if (args.length > 1) throw typeError('update expected at most 1 argument')
      for (const [key, value] of itemsOf(args[0], keywords, budget)) set(self, key, value)
      return null
    },
  },
  clear: {
    run: (_args, { self }) => {
      for (const key of keys(self)) remove(self, key)
      return null
    },
  },
  fromkeys: {
    required: ['iterable'],
    optional: { value: null },
    run: ([iterable, value], { budget }) => {
      const map = new Map<Value, Value>()
      for (const key of toList(iterable, budget)) set(map, keyOf(key), entryOf(value))
      return map
    },
  },
})

function missingKey(): PythonError {
  return new PythonError('KeyError', 'The dict has no such key.')
}

/** The items from the arguments of dict(…) and update(…): a mapping or pairs, and keywords. */
export function itemsOf(
  source: Operand,
  keywords: Keywords,
  budget: Budget,
): (readonly [Value, Value])[] {
  const items: (readonly [Value, Value])[] = []
  const mapping = mappingOf(source)
  if (mapping !== undefined) items.push(...entries(mapping))
  else if (source !== undefined) {
    for (const item of iterate(source)) items.push(pairOf(toList(item, budget)))
  }
  for (const [key, value] of keywords ?? []) items.push([key, entryOf(value)])
  budget.charge(items.length)
  return items
}

function mappingOf(source: Operand): Dict | undefined {
  if (source instanceof PyObject) return source.traits.mapping?.()
  return isDict(source) ? source : undefined
}

function pairOf(items: readonly Value[]): readonly [Value, Value] {
  const [key, value] = items
  if (key === undefined || value === undefined || items.length !== 2) {
    throw valueError('dictionary update sequence element has a length other than 2')
  }
  return [keyOf(key), value]
}
