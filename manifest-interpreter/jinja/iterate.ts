import { isDict, keys } from '../value/dict.ts'
import { textOf } from '../value/hashable.ts'
import { PythonError, typeError } from '../value/python-error.ts'
import { PyObject, PySet, PyTuple, type Dict, type Value } from '../value/value.ts'
import type { Budget } from './budget.ts'
import { isUndefined, typeNameOf, undefinedError, type Operand } from './operand.ts'

/**
 * iter(value): undefined is empty, text its characters, a dict its keys. Throws a TypeError for a value that
 * is not iterable.
 */
export function iterate(value: Operand): Iterable<Value> {
  const items = iterableOf(value)
  if (items === undefined) throw typeError(`'${typeNameOf(value)}' object is not iterable`)
  return items
}

function iterableOf(value: Operand): Iterable<Value> | undefined {
  if (value === undefined || isUndefined(value)) return []
  if (Array.isArray(value)) return value
  if (value instanceof PyTuple || value instanceof PySet) return value.items
  const text = textOf(value)
  if (text !== undefined) return text
  if (value instanceof Uint8Array) return value
  if (value instanceof PyObject) {
    const { iterate: begin, mapping } = value.traits
    if (begin !== undefined) return { [Symbol.iterator]: begin }
    return mapping === undefined ? undefined : keys(mapping())
  }
  return isDict(value) ? keys(value) : undefined
}

export function isIterable(value: Operand): boolean {
  return iterableOf(value) !== undefined
}

/** list(value). */
export function toList(value: Operand, budget: Budget): Value[] {
  const list: Value[] = []
  for (const item of iterate(value)) {
    budget.charge(1)
    list.push(item)
  }
  return list
}

/** A generator: its items are made on request, once. */
export function generator(name: string, items: Iterable<Value>): PyObject {
  const iterator = items[Symbol.iterator]()
  return new PyObject({
    type: 'generator',
    repr: () => `<generator object ${name}>`,
    iterate: () => iterator,
  })
}

/** len(value); undefined if it has no length. Text counts code points. */
export function lengthOf(value: Operand): number | undefined {
  if (value === undefined || isUndefined(value)) return 0
  const text = textOf(value)
  if (text !== undefined) return codePointLength(text)
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length
  if (value instanceof PyTuple || value instanceof PySet) return value.items.length
  if (isDict(value)) return keys(value).length
  return value instanceof PyObject ? lengthOfObject(value) : undefined
}

function lengthOfObject({ traits }: PyObject): number | undefined {
  if (traits.size !== undefined) return traits.size()
  return traits.mapping === undefined ? undefined : keys(traits.mapping()).length
}

const surrogate = /[\ud800-\udfff]/

export function codePointLength(text: string): number {
  if (!surrogate.test(text)) return text.length
  return Array.from(text).length
}

/** The characters of a text, as Python counts them. */
export function codePoints(text: string): readonly string[] {
  return surrogate.test(text) ? Array.from(text) : text.split('')
}

/** The dict on which `value.items()` is called: only a mapping has this attribute. */
export function mappingOf(value: Operand): Dict {
  if (value === undefined || isUndefined(value)) throw undefinedError(value)
  const dict = value instanceof PyObject ? value.traits.mapping?.() : value
  if (isDict(dict)) return dict
  throw new PythonError('AttributeError', `'${typeNameOf(value)}' object has no attribute 'items'`)
}
