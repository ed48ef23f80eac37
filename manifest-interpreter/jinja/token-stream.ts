import { syntaxError } from './syntax-error.ts'
import type { Token } from './lexer.ts'
import type { PythonError } from '../value/python-error.ts'

const end: Token = { type: 'end', value: '' }

/** Tokens, read one by one. */
export class TokenStream {
  readonly #tokens: readonly Token[]
  #position = 0
  #current: Token

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
    this.#current = tokens[0] ?? end
  }

  get current(): Token {
    return this.#current
  }

  get following(): Token {
    return this.#tokens[this.#position + 1] ?? end
  }

  next(): Token {
    const token = this.#current
    this.#position++
    this.#current = this.#tokens[this.#position] ?? end
    return token
  }

  isOperator(value: string): boolean {
    return this.#current.value === value && this.#current.type === 'operator'
  }

  isName(value: string): boolean {
    return this.#current.value === value && this.#current.type === 'name'
  }

  isOneOf(names: readonly string[]): boolean {
    return this.#current.type === 'name' && names.includes(this.#current.value)
  }

  takeOperator(value: string): boolean {
    if (!this.isOperator(value)) return false
    this.next()
    return true
  }

  takeName(value: string): boolean {
    if (!this.isName(value)) return false
    this.next()
    return true
  }

  expectOperator(value: string): void {
    if (!this.takeOperator(value)) throw this.unexpected(`'${value}'`)
  }

  expectName(): string {
    if (this.#current.type !== 'name') throw this.unexpected('a name')
    return this.next().value
  }

  expectType(type: Token['type']): void {
    if (this.#current.type !== type) throw this.unexpected(describeType(type))
    this.next()
  }

  unexpected(expected: string): PythonError {
    return syntaxError(`expected ${expected}, got ${describe(this.#current)}`)
  }
}

function describe(token: Token): string {
  return token.value === '' ? describeType(token.type) : `'${token.value}'`
}

function describeType(type: Token['type']): string {
  if (type === 'variable_end') return "'}}'"
  if (type === 'block_end') return "'%}'"
  return type === 'end' ? 'the end of the template' : type.replace('_', ' ')
}
