import { limitLength } from '../../value/arithmetic.ts'
import { textOf } from '../../value/hashable.ts'
import { index } from '../../value/number.ts'
import { PythonError, typeError, valueError } from '../../value/python-error.ts'
import { PyTuple, type Value } from '../../value/value.ts'
import { codePointLength, codePoints, toList } from '../iterate.ts'
import { typeNameOf, type Operand } from '../operand.ts'
import { stringFormat } from '../string-format.ts'
import { entries, isDict, textEntries } from '../../value/dict.ts'
import { casing } from './string-casing.ts'
import { classes } from './string-classes.ts'
import { methods, type Method, type Methods, type Receiver } from './method.ts'
import { lines, splitLeft, splitRight, strip } from './string-splitting.ts'

/** The methods of str. Positions count code points. */

export function textArgument(value: Operand): string {
  const text = textOf(value)
  if (text === undefined) throw typeError(`a str is expected, not ${typeNameOf(value)}`)
  return text
}

function optionalText(value: Operand): string | undefined {
  return value === null ? undefined : textArgument(value)
}

export function countArgument(value: Operand): number {
  const count = index(value)
  if (count === undefined) {
    throw typeError(`'${typeNameOf(value)}' object cannot be interpreted as an integer`)
  }
  return count
}

/** The part that `start` and `stop` name, and where it begins. */
function range(self: string, start: Operand, stop: Operand): { part: string; from: number } {
  if (start === null && stop === null) return { part: self, from: 0 }
  const chars = codePoints(self)
  const from = bound(start, chars.length, 0)
  const to = bound(stop, chars.length, chars.length)
  return { part: chars.slice(from, Math.max(from, to)).join(''), from }
}

function bound(value: Operand, length: number, otherwise: number): number {
  if (value === null) return otherwise
  const position = countArgument(value)
  return Math.min(length, position < 0 ? Math.max(0, position + length) : position)
}

function find(args: readonly Operand[], self: string, fromRight: boolean): number {
  const [text, start = null, stop = null] = args
  const sought = textArgument(text)
  const { part, from } = range(self, start, stop)
  if (index(start) !== undefined && Number(index(start)) > codePointLength(self)) return -1
  const position = fromRight ? part.lastIndexOf(sought) : part.indexOf(sought)
  return position < 0 ? -1 : from + codePointLength(part.slice(0, position))
}

function finder(fromRight: boolean, strict: boolean): Method<string> {
  return {
    required: ['sub'],
    optional: { start: null, end: null },
    run: (args, { self }) => {
      const position = find(args, self, fromRight)
      if (position < 0 && strict) throw valueError('substring not found')
      return position
    },
  }
}

/** startswith, endswith: for one text, or any of a tuple. */
function edge(matches: (part: string, text: string) => boolean): Method<string> {
  return {
    required: ['prefix'],
    optional: { start: null, end: null },
    run: ([texts, start = null, stop = null], { self }) => {
      const { part } = range(self, start, stop)
      const list = texts instanceof PyTuple ? texts.items : [texts]
      return list.some((text) => matches(part, textArgument(text)))
    },
  }
}

function stripper(sides: 'both' | 'left' | 'right'): Method<string> {
  return {
    optional: { chars: null },
    run: ([chars], { self }) => strip(self, optionalText(chars), sides),
  }
}

function splitter(split: typeof splitLeft): Method<string> {
  return {
    optional: { sep: null, maxsplit: -1 },
    run: ([separator, most], { self }) => {
      const text = optionalText(separator)
      if (text === '') throw valueError('empty separator')
      return split(self, text, countArgument(most))
    },
  }
}

function partition(fromRight: boolean): Method<string> {
  return {
    required: ['sep'],
    run: ([separator], { self }) => {
      const text = textArgument(separator)
      if (text === '') throw valueError('empty separator')
      const position = fromRight ? self.lastIndexOf(text) : self.indexOf(text)
      if (position < 0) return new PyTuple(fromRight ? ['', '', self] : [self, '', ''])
      return new PyTuple([self.slice(0, position), text, self.slice(position + text.length)])
    },
  }
}

function justify(
  place: (missing: number, width: number) => readonly [number, number],
): Method<string> {
  return {
    required: ['width'],
    optional: { fillchar: ' ' },
    run: ([width, fill], { self }) => {
      const char = textArgument(fill)
      if (codePointLength(char) !== 1) {
        throw typeError('The fill character must be exactly one character long')
      }
      const size = countArgument(width)
      limitLength(size)
      const missing = size - codePointLength(self)
      if (missing <= 0) return self
      const [left, right] = place(missing, size)
      return char.repeat(left) + self + char.repeat(right)
    },
  }
}

/** Python puts the odd character on the left when the width is odd. */
function centered(missing: number, width: number): readonly [number, number] {
  const left = Math.floor(missing / 2) + (missing & width & 1)
  return [left, missing - left]
}

function replace([old, by, count]: readonly Operand[], { self, budget }: Receiver<string>): string {
  const sought = textArgument(old)
  const replacement = textArgument(by)
  const most = countArgument(count)
  if (most === 0) return self
  const parts = sought === '' ? ['', ...codePoints(self), ''] : self.split(sought)
  const times = Math.min(parts.length - 1, most < 0 ? Number.POSITIVE_INFINITY : most)
  limitLength(self.length + times * replacement.length)
  budget.charge(times)
  const head = parts.slice(0, times + 1).join(replacement)
  const tail = parts.slice(times + 1)
  return tail.length === 0 ? head : [head, ...tail].join(sought)
}

export function joined(separator: string, items: readonly string[]): string {
  limitLength(items.reduce((sum, item) => sum + item.length + separator.length, 0))
  return items.join(separator)
}

const texts: Methods<string> = methods<string>({
  center: justify(centered),
  ljust: justify((missing) => [0, missing]),
  rjust: justify((missing) => [missing, 0]),
  zfill: {
    required: ['width'],
    run: ([width], { self }) => {
      const size = countArgument(width)
      limitLength(size)
      const sign = /^[+-]/.exec(self)?.[0] ?? ''
      return sign + '0'.repeat(Math.max(0, size - codePointLength(self))) + self.slice(sign.length)
    },
  },
  count: {
    required: ['sub'],
    optional: { start: null, end: null },
    run: ([sub, start = null, stop = null], { self }) => {
      const { part } = range(self, start, stop)
      const text = textArgument(sub)
      return text === '' ? codePointLength(part) + 1 : part.split(text).length - 1
    },
  },
  find: finder(false, false),
  index: finder(false, true),
  rfind: finder(true, false),
  rindex: finder(true, true),
  startswith: edge((part, text) => part.startsWith(text)),
  endswith: edge((part, text) => part.endsWith(text)),
  strip: stripper('both'),
  lstrip: stripper('left'),
  rstrip: stripper('right'),
  split: splitter(splitLeft),
  rsplit: splitter(splitRight),
  splitlines: {
    optional: { keepends: false },
    run: ([keepEnds], { self }) => lines(self, keepEnds === true || keepEnds === 1),
  },
  partition: partition(false),
  rpartition: partition(true),
  removeprefix: {
    required: ['prefix'],
    run: ([prefix], { self }) => {
      const text = textArgument(prefix)
      return self.startsWith(text) ? self.slice(text.length) : self
    },
  },
  removesuffix: {
    required: ['suffix'],
    run: ([suffix], { self }) => {
      const text = textArgument(suffix)
      return text !== '' && self.endsWith(text) ? self.slice(0, -text.length) : self
    },
  },
  replace: { required: ['old', 'new'], optional: { count: -1 }, run: replace },
  join: {
    required: ['iterable'],
    run: ([iterable], { self, budget }) => {
      const items = toList(iterable, budget).map(textArgument)
      return joined(self, items)
    },
  },
  format: {
    rest: true,
    restKeywords: true,
    run: (args, { self, budget }, keywords) => stringFormat(self, { args, keywords }, budget),
  },
  format_map: {
    required: ['mapping'],
    run: ([mapping], { self, budget }) => {
      if (!isDict(mapping)) throw typeError('format_map() wants a mapping')
      const keywords = new Map(textEntries(mapping))
      return stringFormat(self, { args: [], keywords }, budget)
    },
  },
  expandtabs: {
    optional: { tabsize: 8 },
    run: ([size], { self }) => expandTabs(self, countArgument(size)),
  },
  encode: {
    optional: { encoding: 'utf-8', errors: 'strict' },
    run: ([encoding], { self }) => encode(self, textArgument(encoding)),
  },
  translate: {
    required: ['table'],
    run: ([table], { self }) => {
      if (!isDict(table)) throw typeError('translate() wants a dict')
      return translate(self, new Map(entries(table)))
    },
  },
})

function expandTabs(text: string, size: number): string {
  let column = 0
  let expanded = ''
  for (const char of text) {
    if (char === '\t') {
      const width = size > 0 ? size - (column % size) : 0
      limitLength(expanded.length + width)
      expanded += ' '.repeat(width)
      column += width
    } else {
      expanded += char
      column = char === '\n' || char === '\r' ? 0 : column + 1
    }
  }
  return expanded
}

export function encode(text: string, encoding: string): Uint8Array {
  const name = encoding.toLowerCase().replace(/[-_ ]/g, '')
  if (name === 'utf8') {
    if (!text.isWellFormed()) throw new PythonError('UnicodeError', 'surrogates not allowed')
    return new Uint8Array(Buffer.from(text, 'utf8'))
  }
  const limit = new Map([
    ['ascii', 0x7f],
    ['usascii', 0x7f],
    ['latin1', 0xff],
    ['iso88591', 0xff],
  ]).get(name)
  if (limit === undefined) throw new PythonError('ValueError', 'unknown encoding')
  for (const char of text) {
    if ((char.codePointAt(0) ?? 0) > limit) {
      throw new PythonError('UnicodeError', `the text has a character that ${name} cannot encode`)
    }
  }
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

function translate(text: string, table: ReadonlyMap<Value, Value>): string {
  let result = ''
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    const by = table.get(code)
    if (by === undefined) result += char
    else if (by !== null)
      result += typeof by === 'number' ? String.fromCodePoint(by) : textArgument(by)
  }
  return result
}

export const stringMethods: Methods<string> = new Map([...texts, ...casing, ...classes])
