import type { PythonError } from '../value/python-error.ts'
import { unescape } from '../value/string-literal.ts'
import { syntaxError } from './syntax-error.ts'

/** A template as tokens. `data` is text between the tags; the rest stands inside of tags. */
export interface Token {
  readonly type: 'data' | 'name' | 'string' | 'integer' | 'float' | 'operator' | TagEdge
  readonly value: string
}
type TagEdge = 'variable_begin' | 'variable_end' | 'block_begin' | 'block_end' | 'end'

const tagStart = /\{([{%#])([-+]?)/g
const rawStart = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y
const rawEnd = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\})/g
const commentEnd = /(?:\+#\}|-#\}\s*|#\})/g
const variableEnd = /-\}\}\s*|\}\}/y
const blockEnd = /\+%\}|-%\}\s*|%\}/y
const whitespace = /\s+/y
const float = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy
const integer = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy
const name = /[\p{ID_Start}_][\p{ID_Continue}]*/uy
const string = /'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*"/y
const operator = /\/\/|\*\*|[=!<>]=|[-+/*%~[\](){}<>=.:|,;]/y
const closingOf: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

export function tokenize(template: string): Token[] {
  return new Lexer(template).tokens()
}

/** True if the template has no tag: it renders as it stands. */
export function isPlainText(template: string): boolean {
  return !/\{[{%#]/.test(template)
}

/**
 * Line ends become `
 * `, and the last line end is removed.
 */
export function normalized(template: string): string {
  return template.replace(/\r\n?/g, '\n').replace(/\n$/, '')
}

class Lexer {
  readonly #source: string
  readonly #tokens: Token[] = []
  #position = 0

  constructor(template: string) {
    this.#source = normalized(template)
  }

  tokens(): Token[] {
    while (this.#position < this.#source.length) this.#text()
    this.#add('end', '')
    return this.#tokens
  }

  #add(type: Token['type'], value: string): void {
    this.#tokens.push({ type, value })
  }

  #data(end: number, trims: boolean): void {
    const text = this.#source.slice(this.#position, end)
    const data = trims ? text.trimEnd() : text
    if (data !== '') this.#add('data', data)
  }

  /** Text up to a tag, and the tag. */
  #text(): void {
    tagStart.lastIndex = this.#position
    const tag = tagStart.exec(this.#source)
    if (tag === null) {
      this.#data(this.#source.length, false)
      this.#position = this.#source.length
      return
    }
    const [start, kind = '', trim] = tag
    this.#data(tag.index, trim === '-')
    this.#position = tag.index
    const raw = kind === '%' ? this.#match(rawStart) : undefined
    if (raw !== undefined) {
      this.#position += raw.length
      this.#raw()
      return
    }
    this.#position += start.length
    if (kind === '#') this.#comment()
    else this.#tag(kind === '{' ? 'variable' : 'block')
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position
    return pattern.exec(this.#source)?.[0]
  }

  #comment(): void {
    commentEnd.lastIndex = this.#position
    const end = commentEnd.exec(this.#source)
    if (end === null) throw syntaxError('Missing end of comment tag')
    this.#position = end.index + end[0].length
  }

  #raw(): void {
    rawEnd.lastIndex = this.#position
    const end = rawEnd.exec(this.#source)
    if (end === null) throw syntaxError('Missing end of raw directive')
    this.#data(end.index, end[1] === '-')
    this.#position = end.index + end[0].length
  }

  #tag(kind: 'variable' | 'block'): void {
    this.#add(`${kind}_begin`, '')
    const endPattern = kind === 'variable' ? variableEnd : blockEnd
    const open: string[] = []
    while (this.#position < this.#source.length) {
      // Inside of brackets, `}}` closes two of them.
      const end = open.length === 0 ? this.#match(endPattern) : undefined
      if (end !== undefined) {
        this.#position += end.length
        this.#add(`${kind}_end`, '')
        return
      }
      this.#token(open)
    }
  }

  #token(open: string[]): void {
    const first = this.#source.charAt(this.#position)
    if (first === ' ') this.#position++
    else if (isAsciiLetter(first)) this.#take('name', this.#name())
    else if (isDigit(first)) this.#number()
    else if (first === "'" || first === '"') this.#string()
    else this.#operator(open)
  }

  /** An expression for all names takes much longer than looking at the characters of the usual ones. */
  #name(): string | undefined {
    let end = this.#position + 1
    while (isAsciiLetter(this.#source.charAt(end)) || isDigit(this.#source.charAt(end))) end++
    return this.#source.charAt(end) < '\u0080'
      ? this.#source.slice(this.#position, end)
      : this.#match(name)
  }

  #number(): void {
    const text = this.#match(float)
    if (text === undefined) this.#take('integer', this.#match(integer))
    else this.#take('float', text)
  }

  #string(): void {
    const literal = this.#match(string)
    if (literal === undefined) throw this.#unexpected()
    this.#position += literal.length
    this.#add('string', stringValue(literal))
  }

  /** Or what is rare: other white space, and names that begin with other letters. */
  #operator(open: string[]): void {
    const text = this.#match(operator)
    if (text !== undefined) {
      balance(open, text)
      this.#take('operator', text)
      return
    }
    const space = this.#match(whitespace)
    if (space === undefined) this.#take('name', this.#match(name))
    else this.#position += space.length
  }

  #take(type: Token['type'], text: string | undefined): void {
    if (text === undefined) throw this.#unexpected()
    this.#position += text.length
    this.#add(type, text)
  }

  #unexpected(): PythonError {
    return syntaxError(`unexpected char ${JSON.stringify(this.#source.charAt(this.#position))}`)
  }
}

function isAsciiLetter(char: string): boolean {
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || char === '_'
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9'
}

function balance(open: string[], text: string): void {
  const close = closingOf[text]
  if (close !== undefined) open.push(close)
  if (text !== ')' && text !== ']' && text !== '}') return
  const expected = open.pop()
  if (expected === undefined) throw syntaxError(`unexpected '${text}'`)
  if (expected !== text) throw syntaxError(`unexpected '${text}', expected '${expected}'`)
}

function stringValue(literal: string): string {
  const text = unescape(literal.slice(1, -1))
  if (text === undefined) throw syntaxError('a text has an escape that cannot be read')
  return text
}
