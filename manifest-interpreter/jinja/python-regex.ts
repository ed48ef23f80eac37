import { limitError, valueError } from '../value/python-error.ts'
import { BoundedRegex } from './bounded-regex.ts'
import { WorkCount, type RegexWork } from './regex-work.ts'

/**
 * Translates a regular expression of Python's `re` to JavaScript. Constructs that JavaScript lacks (atomic
 * groups, possessive quantifiers, conditions) are refused. JavaScript's engine backtracks as Python's does:
 * if that may take long, it is limited.
 */
export function compileRegex(pattern: string): BoundedRegex {
  if (pattern.length > maxPatternLength) throw limitError('The regular expression is too long.')
  const source = new Translator(pattern).translate()
  try {
    return new BoundedRegex(new RegExp(source.text, source.flags), source.work)
  } catch (error) {
    if (error instanceof SyntaxError) throw valueError('The regular expression cannot be read.')
    throw error
  }
}

const maxPatternLength = 10_000
/**
 * In properties of Unicode, of which `\w` has two: V8 takes about 0.5 ms to compile each, nothing stops it
 * there, and a look at what stands around is a fifth of that when there are many (2026-11).
 */
const maxCompileCost = 400

/** Throws when V8 would take long to compile the translated expression. */
function refuseSlowToCompile(translated: string): void {
  const properties = translated.match(/\\p\{/gi)?.length ?? 0
  const looks = translated.match(/\(\?<?[=!]/g)?.length ?? 0
  if (properties + looks / 5 <= maxCompileCost) return
  throw limitError(
    'The regular expression has too many classes like \\w and edges like \\b. Split it into several.',
  )
}

const word = '\\p{L}\\p{N}_'
const space =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const endOfText = '(?![^])'
const classes: Readonly<Record<string, string>> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: `[${word}]`,
  W: `[^${word}]`,
  s: `[${space}]`,
  S: `[^${space}]`,
}
const controls: Readonly<Record<string, string>> = {
  a: '\\x07',
  f: '\\f',
  n: '\\n',
  r: '\\r',
  t: '\\t',
  v: '\\v',
}
const boundary = `(?:(?<=[${word}])(?![${word}])|(?<![${word}])(?=[${word}]))`
const notBoundary = `(?:(?<=[${word}])(?=[${word}])|(?<![${word}])(?![${word}]))`

class Translator {
  readonly #pattern: string
  #position = 0
  #flags = { i: false, m: false, s: false, x: false }
  readonly #work = new WorkCount()

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  translate(): { readonly text: string; readonly flags: string; readonly work: RegexWork } {
    this.#globalFlags()
    let text = ''
    while (this.#position < this.#pattern.length) text += this.#next()
    refuseSlowToCompile(text)
    return { text, flags: this.#flags.i ? 'giv' : 'gv', work: this.#work.total() }
  }

  /** `(?im)` at the start. */
  #globalFlags(): void {
    const match = /^\(\?([aiLmsux]+)\)/.exec(this.#pattern)
    if (match === null) return
    this.#position = match[0].length
    const letters = match[1] ?? ''
    this.#flags = {
      i: letters.includes('i'),
      m: letters.includes('m'),
      s: letters.includes('s'),
      x: letters.includes('x'),
    }
  }

  #next(): string {
    const char = this.#char()
    if (this.#isBetween(char)) return ''
    if (char === '(') return this.#group()
    if (char === ')') {
      this.#work.closeGroup()
      return char
    }
    if (char === '|') {
      this.#work.branch()
      return char
    }
    if (char === '{') return this.#repetition()
    if ('*+?'.includes(char)) {
      this.#work.repetition(char === '+' ? 1 : 0, char === '?' ? 1 : Infinity)
      return char + this.#lazy()
    }
    if (char === '\\') return this.#escape()
    this.#work.character()
    if (char === '[') return this.#class()
    if ('.^$'.includes(char)) return this.#anyOrEdge(char)
    return literal(char)
  }

  /**
   * Skips a comment, and whitespace of a verbose expression. Neither counts: a repetition after it repeats
   * the part before it, as in `(a+) +`.
   */
  #isBetween(char: string): boolean {
    const [comment] = char === '(' ? (/^\?#[^)]*\)/.exec(this.#rest()) ?? []) : []
    if (comment !== undefined) {
      this.#position += comment.length
      return true
    }
    if (!this.#flags.x) return false
    if (char !== '#') return ' \t\n\r\v\f'.includes(char)
    const end = this.#pattern.indexOf('\n', this.#position)
    this.#position = end < 0 ? this.#pattern.length : end + 1
    return true
  }

  #anyOrEdge(char: string): string {
    if (char === '.') return this.#flags.s ? '[^]' : '[^\\n]'
    if (char === '^') return this.#flags.m ? '(?<=\\n|(?<![^]))' : '(?<![^])'
    return this.#flags.m ? `(?=\\n|${endOfText})` : `(?=\\n?${endOfText})`
  }

  #char(): string {
    const code = this.#pattern.codePointAt(this.#position) ?? 0
    const char = String.fromCodePoint(code)
    this.#position += char.length
    return char
  }

  #rest(): string {
    return this.#pattern.slice(this.#position)
  }

  #peek(): string {
    return this.#pattern.charAt(this.#position)
  }

  #lazy(): string {
    if (this.#peek() === '+') throw valueError('Possessive quantifiers are not supported.')
    if (this.#peek() !== '?') return ''
    this.#position++
    return '?'
  }

  #repetition(): string {
    const match = /^(\d*)(,?)(\d*)\}/.exec(this.#pattern.slice(this.#position, this.#position + 24))
    if (match === null || (match[1] === '' && match[2] === '')) {
      this.#work.character()
      return '\\{'
    }
    this.#position += match[0].length
    const [, least = '', comma = '', most = ''] = match
    const unlimited = most === '' ? Infinity : Number(most)
    this.#work.repetition(Number(least), comma === '' ? Number(least) : unlimited)
    return `{${least === '' ? '0' : least}${comma}${most}}${this.#lazy()}`
  }

  #group(): string {
    if (this.#peek() !== '?') {
      this.#work.openGroup()
      return '('
    }
    const [found = ''] =
      /^\?(?::|=|!|<=|<!|P<\w+>|P=\w+\)|[imsaLu]*(?:-[ims]+)?:)/.exec(this.#rest()) ?? []
    if (found === '') throw valueError('The regular expression has a group that is not supported.')
    this.#position += found.length
    if (found.startsWith('?P=')) {
      this.#work.reference()
      return `\\k<${found.slice(3, -1)}>`
    }
    this.#work.openGroup()
    if (found.startsWith('?P<')) return `(?<${found.slice(3)}`
    return `(${found.replace(/[aLu](?=.*:$)/g, '')}`
  }

  #escape(): string {
    const char = this.#char()
    if (/[1-9]/.test(char)) return this.#reference(char)
    this.#work.character(char === 'b' || char === 'B' ? 4 : 1)
    if (char === 'A') return '(?<![^])'
    if (char === 'Z') return endOfText
    if (char === 'b') return boundary
    if (char === 'B') return notBoundary
    return classes[char] ?? this.#character(char)
  }

  #reference(first: string): string {
    this.#work.reference()
    const digits = /^\d/.test(this.#peek()) ? first + this.#char() : first
    return `(?:\\${digits})`
  }

  /** An escaped character that stands for itself or a code. */
  #character(char: string): string {
    const control = controls[char]
    if (control !== undefined) return control
    const length = new Map([
      ['x', 2],
      ['u', 4],
      ['U', 8],
    ]).get(char)
    if (length !== undefined) return this.#code(length)
    if (char === '0') {
      const [octal = ''] = /^[0-7]{0,2}/.exec(this.#pattern.slice(this.#position)) ?? []
      this.#position += octal.length
      return `\\u{${Number.parseInt(`0${octal}`, 8).toString(16)}}`
    }
    if (/[a-zA-Z0-9]/.test(char)) throw valueError('The regular expression has a bad escape.')
    return literal(char)
  }

  #code(length: number): string {
    const digits = this.#pattern.slice(this.#position, this.#position + length)
    if (digits.length < length || !/^[0-9a-fA-F]+$/.test(digits)) {
      throw valueError('The regular expression has an incomplete escape.')
    }
    this.#position += length
    return `\\u{${digits.replace(/^0+(?=.)/, '')}}`
  }

  #class(): string {
    let text = '['
    if (this.#peek() === '^') {
      this.#position++
      text += '^'
    }
    const start = this.#position
    // A dash makes a range of the item before it and the one after it. It stands for itself at an edge of the
    // class and after a range.
    let range: 'none' | 'begun' | 'open' = 'none'
    for (;;) {
      if (this.#position >= this.#pattern.length) throw valueError('unterminated character set')
      const char = this.#char()
      if (char === ']' && this.#position - 1 > start) return `${text}]`
      if (char === '-' && range === 'begun' && this.#peek() !== ']') {
        text += '-'
        range = 'open'
        continue
      }
      range = range === 'open' ? 'none' : 'begun'
      text += char === '\\' ? this.#classEscape() : literal(char)
    }
  }

  #classEscape(): string {
    const char = this.#char()
    if (char === 'b') return '\\x08'
    return classes[char] ?? this.#character(char)
  }
}

/**
 * A character that stands for itself, inside of a class and outside, even if it has a meaning in a regular
 * expression.
 */
function literal(char: string): string {
  return /[\w\s]/.test(char) || char > '\x7f'
    ? char
    : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`
}

/** Python's template of a replacement: `\1`, `\g<name>`, `\n`. */
export function replacer(template: string): (match: RegExpExecArray) => string {
  const parts: (string | ((match: RegExpExecArray) => string))[] = []
  const token = /\\(?:g<(\w+)>|([1-9]\d?)|(0[0-7]{0,2})|([abfnrtv\\])|([^]))|[^\\]+|\\$/gu
  for (const [whole, group, digits, octal, control, other] of template.matchAll(token)) {
    const reference = group ?? digits
    if (reference !== undefined) parts.push((match) => groupOf(match, reference))
    else if (octal !== undefined) parts.push(String.fromCodePoint(Number.parseInt(octal, 8)))
    else if (control !== undefined) parts.push(controlOf(control))
    else if (other !== undefined && /[a-zA-Z0-9]/.test(other)) throw valueError('bad escape')
    else parts.push(whole)
  }
  return (match) => parts.map((part) => (typeof part === 'string' ? part : part(match))).join('')
}

function controlOf(char: string): string {
  const codes = new Map([
    ['a', '\x07'],
    ['b', '\b'],
    ['f', '\f'],
    ['n', '\n'],
    ['r', '\r'],
    ['t', '\t'],
    ['v', '\v'],
  ])
  return codes.get(char) ?? char
}

function groupOf(match: RegExpExecArray, reference: string): string {
  if (/^\d+$/.test(reference)) {
    if (Number(reference) >= match.length) throw valueError('invalid group reference')
    return match[Number(reference)] ?? ''
  }
  if (match.groups === undefined || !Object.hasOwn(match.groups, reference)) {
    throw valueError('unknown group name')
  }
  return match.groups[reference] ?? ''
}
