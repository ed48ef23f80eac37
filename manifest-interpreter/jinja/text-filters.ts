import { limitLength } from '../value/arithmetic.ts'
import { toFloat } from '../value/conversion.ts'
import { numeric } from '../value/number.ts'
import { dumpJson } from '../value/json-dumps.ts'
import { isDict, entries } from '../value/dict.ts'
import { textOf } from '../value/hashable.ts'
import { PythonError, typeError, valueError } from '../value/python-error.ts'
import { truth } from '../value/truth.ts'
import { PyObject, PyTuple, type Keywords, type Value } from '../value/value.ts'
import { filterTable, type FilterContext, type Filters } from './filter.ts'
import {
  codePointLength,
  codePoints,
  isIterable,
  iterate,
  lengthOf,
  mappingOf,
  toList,
} from './iterate.ts'
import { escapedText, isMarkup, markup } from './markup.ts'
import { stripTags } from './methods/markup-methods.ts'
import { capitalize } from './methods/string-casing.ts'
import { lines, strip } from './methods/string-splitting.ts'
import { countArgument, stringMethods, textArgument } from './methods/string-methods.ts'
import { callNative } from './native.ts'
import {
  defined,
  entryOf,
  isUndefined,
  textOfOperand,
  typeNameOf,
  type Operand,
} from './operand.ts'
import { percentFormat } from './percent-format.ts'
import { prettyRepr } from './pretty-repr.ts'
import { urlize } from './urlize.ts'
import { wrapText } from './wrap-text.ts'

/** Jinja's filters on text. */

/** soft_str(value): marked-up text stays so. */
function rewrapped(value: Operand, change: (text: string) => string): Value {
  const changed = change(textOfOperand(value))
  return isMarkup(value) ? markup(changed) : changed
}

/** The capital letters that Jinja gives a title: behind spaces, dashes and brackets, unlike str.title. */
function title(text: string): string {
  return text
    .split(/([-\s({[<]+)/)
    .map((part) => {
      const [first = ''] = part
      return first.toUpperCase() + part.slice(first.length).toLowerCase()
    })
    .join('')
}

function percentEncoded(text: string | Uint8Array, safe: RegExp): string {
  let encoded = ''
  for (const byte of typeof text === 'string' ? Buffer.from(text, 'utf8') : text) {
    const char = String.fromCharCode(byte)
    encoded += safe.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

const unreserved = /[A-Za-z0-9_.~-]/
const unreservedOrSlash = /[A-Za-z0-9_.~/-]/

/** As urllib.parse.quote_plus. */
export function quotePlus(value: Operand): string {
  const bytes = value instanceof Uint8Array ? value : textOfOperand(value)
  return percentEncoded(bytes, unreserved).replaceAll('%20', '+')
}

function urlEncode(value: Operand, { budget }: FilterContext): string {
  const text = textOf(value)
  if (text !== undefined || !isIterable(value) || value instanceof Uint8Array) {
    const bytes = value instanceof Uint8Array ? value : textOfOperand(value)
    return percentEncoded(bytes, unreservedOrSlash)
  }
  const pairs = isDict(value)
    ? entries(value)
    : [...iterate(value)].map((pair) => toList(pair, budget))
  return pairs
    .map((pair) => {
      const [key, item] = pair
      if (pair.length !== 2) throw valueError('urlencode wants pairs')
      return `${quotePlus(key)}=${quotePlus(item)}`
    })
    .join('&')
}

function indent([value, width, first, blank]: readonly Operand[], context: FilterContext): Value {
  const margin = textOf(width) ?? ' '.repeat(boundedCount(width))
  const text = textArgument(defined(value))
  const all = lines(`${text}\n`, false)
  context.budget.chargeText(margin.length * all.length)
  limitLength(text.length + margin.length * all.length)
  const indented = truth(blank)
    ? all.join(`\n${margin}`)
    : all.map((line, i) => (i === 0 || line === '' ? line : margin + line)).join('\n')
  const result = truth(first) ? margin + indented : indented
  return isMarkup(value) ? markup(result) : result
}

function boundedCount(value: Operand): number {
  const count = countArgument(value)
  limitLength(count)
  return Math.max(0, count)
}

function truncate([value, length, killWords, end, leeway]: readonly Operand[]): Operand {
  const most = countArgument(length)
  const ending = textArgument(end)
  const slack = leeway === null ? 5 : countArgument(leeway)
  const room = most - codePointLength(ending)
  if (room < 0 || slack < 0) {
    throw new PythonError('AssertionError', 'truncate: the length is too short')
  }
  const size = lengthOf(value)
  if (size === undefined) throw typeError(`object of type '${typeNameOf(value)}' has no len()`)
  if (size <= most + slack) return value
  const chars = codePoints(textArgument(value))
  const head = chars.slice(0, room).join('')
  if (truth(killWords)) return head + ending
  const position = head.lastIndexOf(' ')
  return (position < 0 ? head : head.slice(0, position)) + ending
}

const sizes = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']

function fileSize(bytes: number, isBinary: boolean): string {
  const base = isBinary ? 1024 : 1000
  if (bytes === 1) return '1 Byte'
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`
  let power = 1
  while (power < sizes.length && bytes >= base ** (power + 1)) power++
  const prefix = sizes[power - 1] ?? ''
  const unit = isBinary ? `${prefix.toUpperCase()}iB` : `${prefix}B`
  return `${((base * bytes) / base ** (power + 1)).toFixed(1)} ${unit}`
}

function format([value, ...args]: readonly Operand[], keywords: Keywords): Value {
  const template = textOfOperand(value)
  if (keywords === undefined || keywords.size === 0) {
    return percentFormat(template, new PyTuple(args.map(entryOf)))
  }
  if (args.length > 0) {
    throw valueError("can't handle positional and keyword arguments at the same time")
  }
  return percentFormat(template, Object.fromEntries([...keywords].map(([k, v]) => [k, entryOf(v)])))
}

function xmlAttributes([value, autospace]: readonly Operand[], context: FilterContext): Value {
  const shown = entries(mappingOf(value))
    .filter(([, item]) => item !== null && !isUndefined(item))
    .map(([key, item]) => {
      const name = textArgument(key)
      if (/[\s/>=]/.test(name)) throw valueError('Invalid character in attribute name')
      return `${escapedText(name)}="${escapedText(item)}"`
    })
    .join(' ')
  const text = truth(autospace) && shown !== '' ? ` ${shown}` : shown
  return context.autoescape ? markup(text) : text
}

const htmlUnsafe: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  "'": '\\u0027',
}

function toJson(value: Operand, indentBy: Operand): Value {
  const by = textOf(indentBy) ?? (indentBy === null ? undefined : boundedCount(indentBy))
  if (value === undefined || isUndefined(value)) {
    throw typeError('Object of type Undefined is not JSON serializable')
  }
  const json = dumpJson(value, { sortKeys: true, ...(by !== undefined && { indent: by }) })
  return markup(json.replace(/[<>&']/g, (char) => htmlUnsafe[char] ?? char))
}

/** The string filter of Airbyte: JSON in quotes that literal evaluation takes away, so that it stays text. */
function string(value: Operand): Value {
  if (value instanceof PyObject && isMarkup(value)) return value
  if (typeof value === 'string') return value
  if (value === undefined || isUndefined(value)) {
    throw typeError('Object of type Undefined is not JSON serializable')
  }
  return `"""${dumpJson(value)}"""`
}

function replace(args: readonly Operand[], { budget }: FilterContext): Value {
  const [value, old, by, count] = args
  const method = stringMethods.get('replace')
  if (method === undefined) return null
  const callArguments = [textOfOperand(old), textOfOperand(by), count === null ? -1 : count]
  const self = textOfOperand(value)
  const result = callNative(method, { args: callArguments, keywords: undefined }, { self, budget })
  return result ?? null
}

export const textFilters: Filters = filterTable({
  upper: { required: ['s'], run: ([s]) => rewrapped(s, (text) => text.toUpperCase()) },
  lower: { required: ['s'], run: ([s]) => rewrapped(s, (text) => text.toLowerCase()) },
  capitalize: { required: ['s'], run: ([s]) => rewrapped(s, capitalize) },
  title: { required: ['s'], run: ([s]) => title(textOfOperand(s)) },
  trim: {
    required: ['value'],
    optional: { chars: null },
    run: ([value, chars]) =>
      rewrapped(value, (text) =>
        strip(text, chars === null ? undefined : textArgument(chars), 'both'),
      ),
  },
  center: {
    required: ['value'],
    optional: { width: 80 },
    run: ([value, width]) => {
      const text = textOfOperand(value)
      const missing = Math.max(0, boundedCount(width) - codePointLength(text))
      const left = Math.floor(missing / 2) + (missing & countArgument(width) & 1)
      return ' '.repeat(left) + text + ' '.repeat(missing - left)
    },
  },
  replace: { required: ['s', 'old', 'new'], optional: { count: null }, run: replace },
  string: { required: ['value'], run: ([value]) => string(value) },
  format: {
    required: ['value'],
    rest: true,
    restKeywords: true,
    run: (args, _context, keywords) => format(args, keywords),
  },
  indent: {
    required: ['s'],
    optional: { width: 4, first: false, blank: false },
    run: indent,
  },
  truncate: {
    required: ['s'],
    optional: { length: 255, killwords: false, end: '...', leeway: null },
    run: truncate,
  },
  wordwrap: {
    required: ['s'],
    optional: { width: 79, break_long_words: true, wrapstring: null, break_on_hyphens: true },
    run: ([value, width, breakWords, separator, breakHyphens]) =>
      wrapText(textArgument(defined(value)), {
        width: countArgument(width),
        breakLongWords: truth(breakWords),
        breakOnHyphens: truth(breakHyphens),
        separator: separator === null ? '\n' : textArgument(separator),
      }),
  },
  wordcount: {
    required: ['s'],
    run: ([value]) => (textOfOperand(value).match(/[\p{L}\p{N}_]+/gu) ?? []).length,
  },
  filesizeformat: {
    required: ['value'],
    optional: { binary: false },
    run: ([value, binary]) => fileSize(Number(numeric(toFloat(defined(value)))), truth(binary)),
  },
  urlencode: { required: ['value'], run: ([value], context) => urlEncode(value, context) },
  urlize: {
    required: ['value'],
    optional: {
      trim_url_limit: null,
      nofollow: false,
      target: null,
      rel: null,
      extra_schemes: null,
    },
    run: ([value, limit, nofollow, target, rel], { autoescape }) => {
      const text = urlize(escapedText(value), {
        limit: limit === null ? undefined : countArgument(limit),
        nofollow: truth(nofollow),
        target: target === null ? undefined : textArgument(target),
        rel: rel === null ? undefined : textArgument(rel),
      })
      return autoescape ? markup(text) : text
    },
  },
  xmlattr: { required: ['d'], optional: { autospace: true }, run: xmlAttributes },
  e: { required: ['value'], run: ([value]) => markup(escapedText(value)) },
  escape: { required: ['value'], run: ([value]) => markup(escapedText(value)) },
  forceescape: {
    required: ['value'],
    run: ([value]) => markup(escapedText(textOfOperand(value))),
  },
  safe: { required: ['value'], run: ([value]) => markup(textOfOperand(value)) },
  striptags: { required: ['value'], run: ([value]) => stripTags(textOfOperand(value)) },
  tojson: {
    required: ['value'],
    optional: { indent: null },
    run: ([value, by]) => toJson(value, by),
  },
  pprint: { required: ['value'], run: ([value]) => prettyRepr(entryOf(value)) },
})
