import { float, int } from '../value/value.ts'
import type {
  Arguments,
  BinaryNode,
  CompareOperator,
  Expression,
  FilterNode,
  SliceNode,
} from './nodes.ts'
import { syntaxError } from './syntax-error.ts'
import type { TokenStream } from './token-stream.ts'

/** Python ends with a RecursionError about here. */
const maxDepth = 150
const constants: ReadonlyMap<string, Expression> = new Map<string, Expression>([
  ['true', { type: 'const', value: true }],
  ['True', { type: 'const', value: true }],
  ['false', { type: 'const', value: false }],
  ['False', { type: 'const', value: false }],
  ['none', { type: 'const', value: null }],
  ['None', { type: 'const', value: null }],
])
/** How tight the operators bind; `not` stands before its operand, unless `in` is behind it. */
const level = {
  or: 1,
  and: 2,
  not: 3,
  comparison: 4,
  sum: 5,
  concatenation: 6,
  product: 7,
  power: 8,
}
const levels: ReadonlyMap<string, number> = new Map([
  ...['==', '!=', '<', '<=', '>', '>='].map((text) => [text, level.comparison] as const),
  ['+', level.sum],
  ['-', level.sum],
  ['~', level.concatenation],
  ...['*', '/', '//', '%'].map((text) => [text, level.product] as const),
  ['**', level.power],
])
const noArguments: Arguments = {
  positional: [],
  keywords: [],
  rest: undefined,
  restKeywords: undefined,
}

/** The expressions of Jinja, from the loosest operator to the tightest. */
export class ExpressionParser {
  readonly #tokens: TokenStream
  #depth = 0

  constructor(tokens: TokenStream) {
    this.#tokens = tokens
  }

  /** Values with commas between them are a tuple. `endsAt`: names that end it. */
  tupleOrExpression(options: TupleOptions = {}): Expression {
    const parse = (): Expression =>
      options.conditional === false ? this.#binary(level.or) : this.expression()
    const items: Expression[] = []
    let isTuple = false
    for (;;) {
      if (this.#endsTuple(options.endsAt ?? [])) break
      items.push(parse())
      if (!this.#tokens.takeOperator(',')) break
      isTuple = true
    }
    const [first] = items
    if (!isTuple && first !== undefined) return first
    if (first === undefined && options.parenthesized !== true) {
      throw this.#tokens.unexpected('an expression')
    }
    return { type: 'tuple', items }
  }

  #endsTuple(names: readonly string[]): boolean {
    const { type } = this.#tokens.current
    if (type === 'variable_end' || type === 'block_end' || this.#tokens.isOperator(')')) return true
    return this.#tokens.isOneOf(names)
  }

  /** Something with an optional `if … else …` behind it. */
  expression(): Expression {
    if (++this.#depth > maxDepth) throw syntaxError('The expression is nested too deeply.')
    let node = this.#binary(level.or)
    while (this.#tokens.takeName('if')) {
      const test = this.#binary(level.or)
      const otherwise = this.#tokens.takeName('else') ? this.expression() : undefined
      node = { type: 'condition', test, then: node, otherwise }
    }
    this.#depth--
    return node
  }

  /** An operand, and the operators behind it that bind at least as tight as `least`. */
  #binary(least: number): Expression {
    let left = least <= level.not && this.#tokens.isName('not') ? this.#not() : this.#signed()
    for (;;) {
      const found = this.#levelHere()
      if (found < least) return left
      left = this.#joined(left, found)
    }
  }

  /** 0 if no operator follows. */
  #levelHere(): number {
    const { type, value } = this.#tokens.current
    if (type === 'operator') return levels.get(value) ?? 0
    if (type !== 'name') return 0
    if (value === 'or') return level.or
    if (value === 'and') return level.and
    return value === 'in' || this.#isNotIn() ? level.comparison : 0
  }

  #isNotIn(): boolean {
    const { following } = this.#tokens
    return this.#tokens.isName('not') && following.type === 'name' && following.value === 'in'
  }

  /** All of them from left to right, unlike Python's powers. */
  #joined(left: Expression, precedence: number): Expression {
    if (precedence === level.comparison) return this.#comparison(left)
    if (precedence === level.concatenation) return this.#concatenation(left)
    const operator = this.#tokens.next().value as BinaryNode['operator']
    return { type: 'binary', operator, left, right: this.#binary(precedence + 1) }
  }

  #not(): Expression {
    let count = 0
    while (this.#tokens.takeName('not'))
      if (++count > maxDepth) throw syntaxError('The expression is nested too deeply.')
    let node = this.#binary(level.comparison)
    for (; count > 0; count--) node = { type: 'not', operand: node }
    return node
  }

  #comparison(first: Expression): Expression {
    const rest: { operator: CompareOperator; operand: Expression }[] = []
    while (this.#levelHere() === level.comparison) {
      const isNegated = this.#tokens.takeName('not')
      const { value } = this.#tokens.next()
      const operator = (isNegated ? 'not in' : value) as CompareOperator
      rest.push({ operator, operand: this.#binary(level.sum) })
    }
    return { type: 'compare', first, rest }
  }

  #concatenation(first: Expression): Expression {
    const items = [first]
    while (this.#tokens.takeOperator('~')) items.push(this.#binary(level.product))
    return { type: 'concat', items }
  }

  /** A sign binds tighter than a filter behind its operand. */
  #signed(): Expression {
    const signs: ('negative' | 'positive')[] = []
    while (this.#tokens.isOperator('-') || this.#tokens.isOperator('+')) {
      signs.push(this.#tokens.next().value === '-' ? 'negative' : 'positive')
      if (signs.length > maxDepth) throw syntaxError('The expression is nested too deeply.')
    }
    let node = this.#postfix(this.#primary())
    for (const type of signs.toReversed()) node = { type, operand: node }
    if (signs.length > 0) node = this.#postfix(node)
    return this.#filtersAndTests(node)
  }

  #primary(): Expression {
    const { type, value } = this.#tokens.next()
    if (type === 'name') return constants.get(value) ?? { type: 'name', name: value }
    if (type === 'string') return { type: 'const', value: this.#strings(value) }
    const digits = value.replaceAll('_', '')
    if (type === 'integer') return { type: 'const', value: int(BigInt(digits)) }
    if (type === 'float') return { type: 'const', value: float(Number(digits)) }
    if (type === 'operator') {
      if (value === '(') return this.#parenthesis()
      if (value === '[') return { type: 'list', items: this.#list() }
      if (value === '{') return { type: 'dict', items: this.#dict() }
    }
    throw syntaxError(value === '' ? 'an expression is missing' : `unexpected '${value}'`)
  }

  /** `'a' 'b'` is one text. */
  #strings(first: string): string {
    const parts = [first]
    while (this.#tokens.current.type === 'string') parts.push(this.#tokens.next().value)
    return parts.join('')
  }

  #parenthesis(): Expression {
    const node = this.#nested(() => this.tupleOrExpression({ parenthesized: true }))
    this.#tokens.expectOperator(')')
    return node
  }

  #nested<Result>(parse: () => Result): Result {
    if (++this.#depth > maxDepth) throw syntaxError('The expression is nested too deeply.')
    const result = parse()
    this.#depth--
    return result
  }

  #list(): Expression[] {
    const items: Expression[] = []
    while (!this.#tokens.isOperator(']')) {
      if (items.length > 0) this.#tokens.expectOperator(',')
      if (this.#tokens.isOperator(']')) break
      items.push(this.expression())
    }
    this.#tokens.expectOperator(']')
    return items
  }

  #dict(): [Expression, Expression][] {
    const items: [Expression, Expression][] = []
    while (!this.#tokens.isOperator('}')) {
      if (items.length > 0) this.#tokens.expectOperator(',')
      if (this.#tokens.isOperator('}')) break
      const key = this.expression()
      this.#tokens.expectOperator(':')
      items.push([key, this.expression()])
    }
    this.#tokens.expectOperator('}')
    return items
  }

  #postfix(start: Expression): Expression {
    let node = start
    for (;;) {
      if (this.#tokens.takeOperator('.')) node = this.#attribute(node)
      else if (this.#tokens.takeOperator('[')) node = this.#subscript(node)
      else if (this.#tokens.isOperator('(')) node = this.#call(node)
      else return node
    }
  }

  #call(callee: Expression): Expression {
    return { type: 'call', callee, args: this.arguments() }
  }

  #attribute(object: Expression): Expression {
    const token = this.#tokens.next()
    if (token.type === 'name') return { type: 'getattr', object, name: token.value }
    if (token.type !== 'integer') throw syntaxError('expected name or number')
    const key: Expression = { type: 'const', value: int(BigInt(token.value.replaceAll('_', ''))) }
    return { type: 'getitem', object, key }
  }

  #subscript(object: Expression): Expression {
    const keys: (Expression | Bounds)[] = []
    while (!this.#tokens.isOperator(']')) {
      if (keys.length > 0) this.#tokens.expectOperator(',')
      keys.push(this.#nested(() => this.#key()))
    }
    this.#tokens.expectOperator(']')
    const [first] = keys
    if (keys.length === 1 && first !== undefined) {
      return 'type' in first
        ? { type: 'getitem', object, key: first }
        : { type: 'slice', object, ...first }
    }
    const items = keys.map((key) => {
      if ('type' in key) return key
      throw syntaxError('only one range may stand between [ and ]')
    })
    return { type: 'getitem', object, key: { type: 'tuple', items } }
  }

  #key(): Expression | Bounds {
    const start = this.#tokens.isOperator(':') ? undefined : this.expression()
    if (!this.#tokens.takeOperator(':')) {
      if (start === undefined) throw this.#tokens.unexpected('a key')
      return start
    }
    const stop = this.#bound()
    const step = this.#tokens.takeOperator(':') ? this.#bound() : undefined
    return { start, stop, step }
  }

  #bound(): Expression | undefined {
    const ends = [':', ']', ','].some((text) => this.#tokens.isOperator(text))
    return ends ? undefined : this.expression()
  }

  #filtersAndTests(start: Expression): Expression {
    let node = start
    for (;;) {
      if (this.#tokens.isOperator('|')) node = this.filters(node)
      else if (this.#tokens.takeName('is')) node = this.#test(node)
      else if (this.#tokens.isOperator('(')) node = this.#call(node)
      else return node
    }
  }

  /** `| filter | filter`. */
  filters(operand: Expression | undefined): FilterNode {
    this.#tokens.expectOperator('|')
    let node = this.#filter(operand)
    while (this.#tokens.takeOperator('|')) node = this.#filter(node)
    return node
  }

  /** `filter | filter`, as `{% filter %}` begins. */
  filterChain(): FilterNode {
    let node = this.#filter(undefined)
    while (this.#tokens.takeOperator('|')) node = this.#filter(node)
    return node
  }

  #filter(operand: Expression | undefined): FilterNode {
    const name = this.#dottedName()
    const args = this.#tokens.isOperator('(') ? this.arguments() : noArguments
    return { type: 'filter', name, operand, args }
  }

  #dottedName(): string {
    let name = this.#tokens.expectName()
    while (this.#tokens.takeOperator('.')) name += `.${this.#tokens.expectName()}`
    return name
  }

  #test(operand: Expression): Expression {
    const isNegated = this.#tokens.takeName('not')
    const name = this.#dottedName()
    const node: Expression = { type: 'test', name, operand, args: this.#testArguments() }
    return isNegated ? { type: 'not', operand: node } : node
  }

  /** A test takes one argument without parentheses: `x is divisibleby 3`. */
  #testArguments(): Arguments {
    if (this.#tokens.isOperator('(')) return this.arguments()
    const { type } = this.#tokens.current
    const begins =
      ['name', 'string', 'integer', 'float'].includes(type) ||
      this.#tokens.isOperator('[') ||
      this.#tokens.isOperator('{')
    if (!begins || this.#tokens.isOneOf(['else', 'or', 'and'])) return noArguments
    if (this.#tokens.isName('is')) throw syntaxError('You cannot chain multiple tests with is')
    return { ...noArguments, positional: [this.#postfix(this.#primary())] }
  }

  arguments(): Arguments {
    return this.#nested(() => this.#argumentList())
  }

  #argumentList(): Arguments {
    this.#tokens.expectOperator('(')
    const positional: Expression[] = []
    const keywords: [string, Expression][] = []
    let rest: Expression | undefined
    let restKeywords: Expression | undefined
    let isFirst = true
    while (!this.#tokens.isOperator(')')) {
      if (!isFirst) this.#tokens.expectOperator(',')
      isFirst = false
      if (this.#tokens.isOperator(')')) break
      if (this.#tokens.takeOperator('*')) rest = onlyOne(rest ?? restKeywords, this.expression())
      else if (this.#tokens.takeOperator('**'))
        restKeywords = onlyOne(restKeywords, this.expression())
      else if (this.#isKeyword()) keywords.push(this.#keyword(restKeywords))
      else {
        if (rest !== undefined || restKeywords !== undefined || keywords.length > 0) {
          throw syntaxError('invalid syntax for function call expression')
        }
        positional.push(this.expression())
      }
    }
    this.#tokens.expectOperator(')')
    return { positional, keywords, rest, restKeywords }
  }

  #isKeyword(): boolean {
    const { current, following } = this.#tokens
    return current.type === 'name' && following.type === 'operator' && following.value === '='
  }

  #keyword(restKeywords: Expression | undefined): [string, Expression] {
    if (restKeywords !== undefined) {
      throw syntaxError('invalid syntax for function call expression')
    }
    const name = this.#tokens.next().value
    this.#tokens.next()
    return [name, this.expression()]
  }
}

type Bounds = Omit<SliceNode, 'type' | 'object'>
interface TupleOptions {
  readonly conditional?: boolean
  readonly parenthesized?: boolean
  readonly endsAt?: readonly string[]
}

function onlyOne(before: Expression | undefined, node: Expression): Expression {
  if (before !== undefined) throw syntaxError('invalid syntax for function call expression')
  return node
}
