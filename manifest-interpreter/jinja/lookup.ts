import type { PyDate } from '../value/py-datetime.ts'
import { PyDateTime, PyTimeDelta } from '../value/py-datetime.ts'
import { get, isDict } from '../value/dict.ts'
import { textOf } from '../value/hashable.ts'
import { index, isFloat, numeric } from '../value/number.ts'
import { isTime } from '../value/time.ts'
import { typeName } from '../value/type-name.ts'
import { PyObject, PySet, PyTuple, type Value } from '../value/value.ts'
import type { Budget, Lookup } from './budget.ts'
import { codePointLength, codePoints } from './iterate.ts'
import { isMarkup } from './markup.ts'
import { dictMethods } from './methods/dict-methods.ts'
import { listMethods, setMethods, tupleMethods } from './methods/list-methods.ts'
import { markupMethod } from './methods/markup-methods.ts'
import { bound, type BoundMethod, type Method } from './methods/method.ts'
import { bytesMethods, floatMethods, intMethods, numberAttribute } from './methods/other-methods.ts'
import { stringMethods } from './methods/string-methods.ts'
import { timeAttribute, timeMethods } from './methods/time-methods.ts'
import { isUndefined, operandOf, undefinedError, unsafeAttribute, type Operand } from './operand.ts'

/**
 * `object.name` and `object[key]`. In Jinja each falls back on the other: a name first is an attribute, then
 * a key; a key first is a key, then an attribute. Attributes are those of Python's classes, none is a
 * property of a JavaScript object.
 */

/** The attributes that all objects of Python have; the sandbox refuses them. */
const internalAttributes: ReadonlySet<string> = new Set([
  '__class__',
  '__contains__',
  '__delattr__',
  '__delitem__',
  '__dict__',
  '__dir__',
  '__doc__',
  '__eq__',
  '__format__',
  '__ge__',
  '__getattribute__',
  '__getitem__',
  '__getstate__',
  '__gt__',
  '__hash__',
  '__init__',
  '__init_subclass__',
  '__iter__',
  '__le__',
  '__len__',
  '__lt__',
  '__ne__',
  '__new__',
  '__reduce__',
  '__reduce_ex__',
  '__repr__',
  '__setattr__',
  '__setitem__',
  '__sizeof__',
  '__str__',
  '__subclasshook__',
  '__add__',
  '__mul__',
  '__mod__',
])

/** Whether `dict.name` is an attribute, for any contents of the dict. */
export function isAttributeOfDict(name: string): boolean {
  return dictMethods.has(name) || internalAttributes.has(name)
}

export function getAttribute(object: Operand, name: string, budget: Budget): Operand {
  if (object === undefined || isUndefined(object)) throw undefinedError(object)
  const attribute = attributeOf(object, name, budget)
  if (attribute !== undefined) return attribute
  return operandOf(entryAt(object, name))
}

export function getItem(object: Operand, key: Operand, budget: Budget): Operand {
  if (object === undefined || isUndefined(object)) throw undefinedError(object)
  if (key === undefined || isUndefined(key)) return undefined
  const entry = entryAt(object, key)
  if (entry !== undefined) return operandOf(entry)
  const name = textOf(key)
  return name === undefined ? undefined : attributeOf(object, name, budget)
}

/** Whether Python's class has such an attribute; keys of a dict are none. */
export function hasAttribute(object: Value, name: string, budget: Budget): boolean {
  return attributeOf(object, name, budget) !== undefined
}

export const lookup: Lookup = { attribute: getAttribute, item: getItem }

/** Undefined if there is none. */
function entryAt(object: Value, key: Value): Value | undefined {
  if (isDict(object)) return get(object, key)
  if (object instanceof PyObject && object.traits.text === undefined) {
    const { entry, mapping } = object.traits
    if (entry !== undefined) return entry(key)
    return mapping === undefined ? undefined : get(mapping(), key)
  }
  const position = index(key)
  return position === undefined ? undefined : itemAt(object, position)
}

function itemAt(object: Value, position: number): Value | undefined {
  const text = textOf(object)
  if (text !== undefined) {
    const start = position < 0 ? position + codePointLength(text) : position
    return start < 0 ? undefined : codePoints(text)[start]
  }
  if (object instanceof Uint8Array) return object.at(position)
  const items = object instanceof PyTuple ? object.items : object
  return Array.isArray(items) ? elementAt(items, position) : undefined
}

function elementAt(items: readonly Value[], position: number): Value | undefined {
  return items.at(position)
}

/** The attribute as Python's class has it; undefined if it has none. */
function attributeOf(object: Value, name: string, budget: Budget): Operand {
  const method = methodOf(object, name)
  if (method !== undefined) return methodObject(method, { object, name, budget })
  if (object instanceof PyObject) {
    const attribute = object.traits.attribute?.(name)
    if (attribute !== undefined) return attribute
  } else if (isTime(object)) {
    const attribute = timeAttribute(object, name)
    if (attribute !== undefined) return attribute
  } else if (numeric(object) !== undefined) {
    const attribute = numberAttribute(object, name)
    if (attribute !== undefined) return attribute
  }
  return internalAttributes.has(name) ? unsafeAttribute : undefined
}

function methodObject(
  method: BoundMethod,
  attribute: { readonly object: Value; readonly name: string; readonly budget: Budget },
): PyObject {
  return new PyObject({
    type: 'builtin_function_or_method',
    repr: () => `<built-in method ${attribute.name} of ${typeName(attribute.object)} object>`,
    call: (args, keywords) => method(args, keywords, attribute.budget),
  })
}

/** A method that a call can be made of at once; undefined if the object has none of the name. */
export function methodOf(object: Value, name: string): BoundMethod | undefined {
  if (typeof object === 'string') return bind(stringMethods.get(name), object)
  if (typeof object !== 'object' || object === null) return numberMethod(object, name)
  if (Array.isArray(object)) return bind(listMethods.get(name), object)
  if (object instanceof PyTuple) return bind(tupleMethods.get(name), object)
  if (object instanceof PySet) return bind(setMethods.get(name), object)
  if (object instanceof Uint8Array) return bind(bytesMethods.get(name), object)
  if (isTime(object)) return timeMethod(object, name)
  if (object instanceof PyObject) return methodOfObject(object, name)
  return isDict(object) ? bind(dictMethods.get(name), object) : numberMethod(object, name)
}

function bind<Self>(method: Method<Self> | undefined, self: Self): BoundMethod | undefined {
  return method === undefined ? undefined : bound(method, self)
}

function methodOfObject(object: PyObject, name: string): BoundMethod | undefined {
  if (isMarkup(object)) return markupMethod(object, name)
  const mapping = object.traits.mapping?.()
  const method = readOnlyMethods.has(name) ? dictMethods.get(name) : undefined
  return mapping === undefined ? undefined : bind(method, mapping)
}

/** The methods of a mapping that is not a dict. */
const readOnlyMethods: ReadonlySet<string> = new Set(['get', 'keys', 'values', 'items'])

function numberMethod(object: Value, name: string): BoundMethod | undefined {
  if (numeric(object) === undefined) return undefined
  return bind((isFloat(object) ? floatMethods : intMethods).get(name), object)
}

function timeMethod(
  time: PyDateTime | PyDate | PyTimeDelta,
  name: string,
): BoundMethod | undefined {
  if (time instanceof PyTimeDelta) return bind(timeMethods.deltaMethods.get(name), time)
  const own =
    time instanceof PyDateTime
      ? bind(timeMethods.dateTimeMethods.get(name), time)
      : bind(timeMethods.dateMethods.get(name), time)
  return own ?? bind(timeMethods.momentMethods.get(name), time)
}
