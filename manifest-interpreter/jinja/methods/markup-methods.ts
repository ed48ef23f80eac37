import { textOf } from '../../value/hashable.ts'
import type { PyObject, Value } from '../../value/value.ts'
import { escapedText, isMarkup, markup } from '../markup.ts'
import type { Operand } from '../operand.ts'
import { bound, type BoundMethod } from './method.ts'
import { stringMethods } from './string-methods.ts'

/** Methods of str whose result stays marked up, with their text arguments escaped. */
const escaping: ReadonlySet<string> = new Set([
  'capitalize',
  'casefold',
  'center',
  'expandtabs',
  'format',
  'join',
  'ljust',
  'lower',
  'lstrip',
  'removeprefix',
  'removesuffix',
  'replace',
  'rjust',
  'rstrip',
  'strip',
  'swapcase',
  'title',
  'upper',
  'zfill',
])
const splitting: ReadonlySet<string> = new Set(['split', 'rsplit', 'splitlines'])

export function markupMethod(object: PyObject, name: string): BoundMethod | undefined {
  const text = textOf(object) ?? ''
  if (name === 'striptags') return () => stripTags(text)
  if (name === 'unescape') return () => unescapeHtml(text)
  const method = stringMethods.get(name)
  if (method === undefined) return undefined
  const call = bound(method, text)
  if (splitting.has(name)) {
    return (args, keywords, budget) => markedUp(call(args, keywords, budget))
  }
  if (!escaping.has(name)) return call
  return (args, keywords, budget) => {
    const escaped = args.map((arg) => (name === 'join' ? escapedItems(arg) : escapedArgument(arg)))
    return markedUp(call(escaped, keywords, budget))
  }
}

function markedUp(value: Operand): Operand {
  if (Array.isArray(value)) return value.map((item) => markupOf(item))
  return typeof value === 'string' ? markup(value) : value
}

function markupOf(value: Value): Value {
  return typeof value === 'string' ? markup(value) : value
}

function escapedArgument(value: Operand): Operand {
  return typeof value === 'string' || isMarkup(value) ? escapedText(value) : value
}

function escapedItems(value: Operand): Operand {
  return Array.isArray(value) ? value.map((item) => escapedText(item)) : value
}

/** Without comments and tags, with whitespace drawn together and entities resolved. */
export function stripTags(text: string): string {
  const bare = withoutSpans(withoutSpans(text, '<!--', '-->'), '<', '>')
  return unescapeHtml(bare.split(/\s+/).filter(Boolean).join(' '))
}

/**
 * Removes the text between two marks, and the marks. Linear, unlike a regular expression when the end mark is
 * missing.
 */
function withoutSpans(text: string, open: string, close: string): string {
  const parts: string[] = []
  let position = 0
  for (;;) {
    const start = text.indexOf(open, position)
    const end = start < 0 ? -1 : text.indexOf(close, start + open.length)
    if (end < 0) return parts.join('') + text.slice(position)
    parts.push(text.slice(position, start))
    position = end + close.length
  }
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
}

function unescapeHtml(text: string): string {
  return text.replace(/&(#\d+|#[xX][0-9a-fA-F]+|\w+);/g, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? whole
    const code = Number(name.replace('#x', '0x').replace('#X', '0x').replace('#', ''))
    return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
  })
}
