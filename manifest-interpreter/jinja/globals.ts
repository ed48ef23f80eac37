import { set } from '../value/dict.ts'
import { PythonError, typeError } from '../value/python-error.ts'
import { repr } from '../value/text.ts'
import { PyObject, PyTuple, type Value } from '../value/value.ts'
import type { Budget } from './budget.ts'
import { itemsOf } from './methods/dict-methods.ts'
import { countArgument } from './methods/string-methods.ts'
import { loremIpsum } from './lorem-ipsum.ts'
import { markup } from './markup.ts'
import type { Native } from './native.ts'
import { entryOf, isUndefined, operandOf, type Operand } from './operand.ts'
import { truth } from '../value/truth.ts'

/** A function that every template can call. */
export type GlobalFunction = Native<Budget>

/** `{% set namespace.name = … %}` sets here. */
const namespaces = new WeakMap<PyObject, (name: string, value: Operand) => void>()

export function setNamespaceAttribute(namespace: Operand, name: string, value: Operand): void {
  const assign = namespace instanceof PyObject ? namespaces.get(namespace) : undefined
  if (assign === undefined) {
    throw new PythonError('RuntimeError', 'cannot assign attribute on non-namespace object')
  }
  assign(name, value)
}

function namespace(items: Iterable<readonly [Value, Value]>): PyObject {
  const attributes = new Map(items)
  const object = new PyObject({
    type: 'Namespace',
    repr: () => `<Namespace ${repr(attributes)}>`,
    attribute: (name) => attributes.get(name),
  })
  namespaces.set(object, (name, value) => attributes.set(name, entryOf(value)))
  return object
}

function cycler(items: readonly Operand[]): PyObject {
  if (items.length === 0) {
    throw new PythonError('RuntimeError', 'at least one item has to be provided')
  }
  let position = 0
  const next = new PyObject({
    type: 'method',
    call: () => {
      const item = items[position]
      position = (position + 1) % items.length
      return operandOf(item)
    },
  })
  const reset = new PyObject({
    type: 'method',
    call: () => {
      position = 0
      return null
    },
  })
  return new PyObject({
    type: 'Cycler',
    attribute: (name) => {
      if (name === 'next') return next
      if (name === 'reset') return reset
      if (name === 'pos') return position
      if (name === 'items') return new PyTuple(items.map(entryOf))
      return name === 'current' ? entryOf(items[position]) : undefined
    },
  })
}

function joiner(separator: Operand): PyObject {
  let isUsed = false
  return new PyObject({
    type: 'Joiner',
    attribute: (name) => {
      if (name === 'sep') return entryOf(separator)
      return name === 'used' ? isUsed : undefined
    },
    call: () => {
      if (isUsed) return operandOf(separator)
      isUsed = true
      return ''
    },
  })
}

export const jinjaGlobals: ReadonlyMap<string, GlobalFunction> = new Map<string, GlobalFunction>([
  [
    'dict',
    {
      rest: true,
      restKeywords: true,
      run: (args, budget, keywords) => {
        if (args.length > 1) throw typeError('dict expected at most 1 argument')
        const dict = new Map<Value, Value>()
        for (const [key, value] of itemsOf(given(args), keywords, budget)) set(dict, key, value)
        return dict
      },
    },
  ],
  [
    'namespace',
    {
      rest: true,
      restKeywords: true,
      run: (args, budget, keywords) => {
        if (args.length > 1) throw typeError('namespace expected at most 1 argument')
        return namespace(itemsOf(given(args), keywords, budget))
      },
    },
  ],
  ['cycler', { rest: true, run: (items) => cycler(items) }],
  ['joiner', { optional: { sep: ', ' }, run: ([separator]) => joiner(separator) }],
  [
    'lipsum',
    {
      optional: { n: 5, html: true, min: 20, max: 100 },
      run: ([count, html, least, most], budget) => {
        const paragraphs = countArgument(count)
        const words = { least: countArgument(least), most: countArgument(most) }
        budget.charge(Math.max(0, paragraphs) * Math.max(1, words.most))
        const text = loremIpsum(paragraphs, words)
        if (!truth(html)) return text.join('\n\n')
        return markup(text.map((paragraph) => `<p>${paragraph}</p>`).join('\n'))
      },
    },
  ],
])

/** An undefined argument is empty, as iterating it is. */
function given(args: readonly Operand[]): Operand {
  return isUndefined(args[0]) ? undefined : args[0]
}
