import { nameSuggestion, nameList, nearestName } from '../../lib/text/near-names.ts'
import type { Column } from '../columns.ts'
import type { ComparisonOperator, Condition, ConditionColumn, ConditionValue } from './condition.ts'
import { isComparable, readValue, type Literal } from './condition-value.ts'
import { parseLike } from './like-pattern.ts'

/** A mistake in a condition, and its place. */
export interface ConditionProblem {
  /** Begins with the place: `character 8: …`. */
  readonly problem: string
  /** The next step, as an imperative sentence. */
  readonly fix: string
}

/** Longer conditions are a mistake: a list of keys belongs into a table. */
export const maxConditionLength = 8_192
const maxDepth = 50

/**
 * Parses the `where` of a stream and binds it to the columns of the source: `=`, `<>` (or `!=`), `<`, `<=`,
 * `>`, `>=`, `in`, `like`, `is null`, `and`, `or`, `not` and parentheses. The left side of a comparison is a
 * column, the right side a value.
 */
export function parseCondition(
  text: string,
  columns: readonly Column[],
): { readonly condition: Condition } | ConditionProblem {
  try {
    return { condition: new ConditionParser(text, columns).parse() }
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.found
    throw thrown
  }
}

/** Ends the parser. Nobody else sees it. */
class Refusal extends Error {
  readonly found: ConditionProblem

  constructor(position: number, problem: string, fix: string) {
    super(problem)
    this.found = { problem: `character ${String(position + 1)}: ${problem}`, fix }
  }
}

interface Token {
  readonly kind: 'text' | 'name' | 'number' | 'word' | 'sign' | 'end'
  /** Without its quotes; a word in small letters. */
  readonly value: string
  /** As it is written. */
  readonly source: string
  readonly position: number
}

const tokenPattern =
  /(?<text>'(?:[^']|'')*')|(?<name>"(?:[^"]|"")*")|(?<number>-?\d+(?:\.\d+)?(?![\w.]))|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<sign><>|!=|<=|>=|[=<>(),])/uy
const reserved = new Set(['and', 'or', 'not', 'in', 'is', 'like', 'null', 'true', 'false'])
const comparingWords = new Set(['is', 'not', 'in', 'like'])
const operators: Readonly<Record<string, ComparisonOperator>> = {
  '=': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}
const otherSigns: Readonly<Record<string, string>> = {
  '==': '`=`',
  '&&': '`and`',
  '||': '`or`',
  '!': '`not`',
}

class ConditionParser {
  readonly #tokens: readonly Token[]
  readonly #columns: readonly Column[]
  #next = 0
  #depth = 0

  constructor(text: string, columns: readonly Column[]) {
    this.#tokens = tokensOf(text)
    this.#columns = columns
  }

  parse(): Condition {
    const condition = this.#any()
    const rest = this.#peek()
    if (rest.kind === 'end') return condition
    const fix = 'Join two conditions with `and` or `or`.'
    throw new Refusal(rest.position, `${shown(rest)} does not belong here`, fix)
  }

  #any(): Condition {
    const parts = [this.#all()]
    while (this.#takes('or')) parts.push(this.#all())
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { is: 'any', parts }
  }

  #all(): Condition {
    const parts = [this.#not()]
    while (this.#takes('and')) parts.push(this.#not())
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { is: 'all', parts }
  }

  #not(): Condition {
    const { position } = this.#peek()
    if (++this.#depth > maxDepth)
      throw new Refusal(position, `more than ${String(maxDepth)} levels`, 'Write it more simply.')
    const part = this.#takes('not') ? ({ is: 'not', part: this.#not() } as const) : this.#term()
    this.#depth -= 1
    return part
  }

  #term(): Condition {
    if (!this.#takes('(')) return this.#predicate()
    const condition = this.#any()
    const { position } = this.#peek()
    if (!this.#takes(')')) throw new Refusal(position, 'a `)` is missing', 'Close the parenthesis.')
    return condition
  }

  #predicate(): Condition {
    const column = this.#column()
    const token = this.#peek()
    const operator = token.kind === 'sign' ? operators[token.value] : undefined
    const word = token.kind === 'word' && comparingWords.has(token.value) ? token.value : undefined
    if (operator === undefined && word === undefined) return this.#truth(column)
    this.#take()
    if (operator !== undefined) return this.#comparison(column, operator)
    if (word === 'is') return this.#isNull(column)
    if (word !== 'not') return this.#ofWord(column, token)
    return { is: 'not', part: this.#ofWord(column, this.#take()) }
  }

  /** A boolean column alone. */
  #truth(column: ConditionColumn): Condition {
    if (column.kind === 'boolean') return { is: 'compared', column, operator: '=', value: true }
    throw this.#noComparison(column, this.#peek())
  }

  #ofWord(column: ConditionColumn, token: Token): Condition {
    const word = token.kind === 'word' ? token.value : ''
    if (word === 'in') return this.#list(column)
    if (word === 'like') return this.#like(column)
    throw this.#noComparison(column, token)
  }

  #noComparison({ name }: ConditionColumn, token: Token): Refusal {
    const fix = `Write \`${name} = VALUE\`, with =, <>, <, <=, >, >=, in, like or is null.`
    return new Refusal(token.position, `${shown(token)} in the place of a comparison`, fix)
  }

  #column(): ConditionColumn {
    const token = this.#take()
    if (token.kind !== 'name' && (token.kind !== 'word' || reserved.has(token.value))) {
      const fix =
        "Write the column first: `status = 'paid'`. A column is a name, or a name in double quotes."
      throw new Refusal(token.position, `${shown(token)} in the place of a column`, fix)
    }
    const name = token.kind === 'name' ? token.value : token.source
    const column = this.#columns.find((known) => known.name === name)
    if (column !== undefined) return { name, kind: column.kind }
    const names = this.#columns.map((known) => known.name)
    const near = nearestName(name, names)
    const suggestion = nameSuggestion(near)
    const fix = `${suggestion}The columns are: ${nameList(names, 20)}.`
    throw new Refusal(token.position, `the stream has no column "${name}"`, fix)
  }

  #comparison(column: ConditionColumn, operator: ComparisonOperator): Condition {
    const value = this.#value(column)
    if (column.kind !== 'boolean' || operator === '=' || operator === '<>')
      return { is: 'compared', column, operator, value }
    const { position } = this.#tokens[this.#next - 2] ?? this.#peek()
    const fix = `Write \`${column.name} = true\` or \`${column.name} = false\`.`
    throw new Refusal(position, `${column.name} is true or false, which have no order`, fix)
  }

  #isNull(column: ConditionColumn): Condition {
    const isNegated = this.#takes('not')
    const token = this.#take()
    if (token.value === 'null' && token.kind === 'word') {
      const part = { is: 'null', column } as const
      return isNegated ? { is: 'not', part } : part
    }
    const fix = `Write \`${column.name} is null\`, \`${column.name} is not null\`, or \`=\` for a value.`
    throw new Refusal(token.position, `${shown(token)} after \`is\``, fix)
  }

  #list(column: ConditionColumn): Condition {
    const { position } = this.#peek()
    const fix = `Write a list: \`${column.name} in (VALUE, VALUE)\`.`
    if (!this.#takes('(')) throw new Refusal(position, 'a `(` is missing after `in`', fix)
    const values = [this.#value(column)]
    while (this.#takes(',')) values.push(this.#value(column))
    const end = this.#peek()
    if (!this.#takes(')')) throw new Refusal(end.position, 'a `)` is missing after the list', fix)
    return { is: 'in', column, values }
  }

  #like(column: ConditionColumn): Condition {
    const token = this.#take()
    if (column.kind !== 'string') {
      const fix = 'Use =, <>, <, <=, >, >= or in.'
      throw new Refusal(token.position, `${column.name} is not a text, which \`like\` needs`, fix)
    }
    if (token.kind !== 'text')
      throw new Refusal(token.position, `${shown(token)} after \`like\``, "Write `like '%TEXT%'`.")
    if (parseLike(token.value) === undefined) {
      const fix = 'Write `\\\\` for a backslash.'
      throw new Refusal(
        token.position,
        'the pattern ends in a backslash, which escapes nothing',
        fix,
      )
    }
    return { is: 'like', column, pattern: token.value }
  }

  #value(column: ConditionColumn): ConditionValue {
    const token = this.#take()
    const literal = literalOf(token)
    if (token.value === 'null' && token.kind === 'word') {
      const fix = `Write \`${column.name} is null\` or \`${column.name} is not null\`.`
      throw new Refusal(token.position, 'nothing is equal to NULL', fix)
    }
    if (!isComparable(column.kind)) {
      const fix = `Use \`${column.name} is null\` or \`${column.name} is not null\`.`
      throw new Refusal(
        token.position,
        `values of ${column.name} (${column.kind}) cannot be compared`,
        fix,
      )
    }
    if (literal === undefined) {
      const fix = token.kind === 'end' ? 'Add a value.' : textFix(token)
      throw new Refusal(token.position, `${shown(token)} in the place of a value`, fix)
    }
    const read = readValue(column, literal)
    if (typeof read === 'object') throw new Refusal(token.position, read.problem, read.fix)
    return read
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? endToken(0)
  }

  #take(): Token {
    const token = this.#peek()
    if (token.kind !== 'end') this.#next += 1
    return token
  }

  #takes(value: string): boolean {
    const token = this.#peek()
    if ((token.kind !== 'word' && token.kind !== 'sign') || token.value !== value) return false
    this.#next += 1
    return true
  }
}

function literalOf({ kind, value }: Token): Literal | undefined {
  if (kind === 'text') return { is: 'text', text: value }
  if (kind === 'number') return { is: 'number', text: value }
  if (kind === 'word' && (value === 'true' || value === 'false'))
    return { is: 'boolean', value: value === 'true' }
  return undefined
}

function textFix({ kind, value, source }: Token): string {
  if (kind !== 'name' && kind !== 'word')
    return 'Write a value: a text in single quotes, or a number.'
  const text = kind === 'name' ? value : source
  return `Write a text in single quotes: '${text.replaceAll("'", "''")}'.`
}

function shown({ kind, source }: Token): string {
  return kind === 'end' ? 'the condition ends' : `\`${source}\``
}

function endToken(position: number): Token {
  return { kind: 'end', value: '', source: '', position }
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  let position = 0
  for (;;) {
    while (/\s/.test(text[position] ?? '')) position += 1
    if (position >= text.length) return [...tokens, endToken(position)]
    tokenPattern.lastIndex = position
    const [source] = tokenPattern.exec(text) ?? []
    if (source === undefined) throw unknownSign(text, position)
    tokens.push(tokenOf(source, position))
    position += source.length
    const doubled = text[position] === '=' && source === '=' ? position - 1 : undefined
    if (doubled !== undefined) throw unknownSign(text, doubled)
  }
}

function tokenOf(source: string, position: number): Token {
  const first = source[0] ?? ''
  if (first === "'") return { kind: 'text', value: unquoted(source, position), source, position }
  if (first === '"') return { kind: 'name', value: unquoted(source, position), source, position }
  if (/[-\d]/.test(first)) return { kind: 'number', value: source, source, position }
  const kind = /[\p{L}_]/u.test(first) ? 'word' : 'sign'
  return { kind, value: source.toLowerCase(), source, position }
}

function unquoted(source: string, position: number): string {
  const [quote = ''] = source
  const text = source.slice(1, -1).replaceAll(quote + quote, quote)
  if (!text.includes('\0') && text.isWellFormed()) return text
  throw new Refusal(position, 'a text cannot hold U+0000 or half of a character', 'Remove it.')
}

function unknownSign(text: string, position: number): Refusal {
  const rest = text.slice(position)
  if (rest.startsWith("'") || rest.startsWith('"'))
    return new Refusal(
      position,
      'the quote is never closed',
      'Add the closing quote; write one inside of a text twice.',
    )
  const other = Object.keys(otherSigns).find((sign) => rest.startsWith(sign))
  const sign = other ?? /^[\w.+-]+/.exec(rest)?.[0] ?? Array.from(rest)[0] ?? ''
  const meant = other === undefined ? undefined : otherSigns[other]
  const fix = meant === undefined ? 'Remove it; a text has single quotes.' : `Write ${meant}.`
  return new Refusal(position, `\`${sign}\` is not a part of a condition`, fix)
}
