import { tokenize } from './lexer.ts'
import type { Body, Expression, ForNode, IfNode, Signature, Statement, Target } from './nodes.ts'
import { ExpressionParser } from './parse-expression.ts'
import { syntaxError } from './syntax-error.ts'
import { TokenStream } from './token-stream.ts'

/** Blocks in blocks: Python ends with a RecursionError somewhere above. */
const maxDepth = 100

export function parseTemplate(template: string): Body {
  return new TemplateParser(new TokenStream(tokenize(template))).parse()
}

class TemplateParser {
  readonly #tokens: TokenStream
  readonly #expressions: ExpressionParser
  #depth = 0

  constructor(tokens: TokenStream) {
    this.#tokens = tokens
    this.#expressions = new ExpressionParser(tokens)
  }

  parse(): Body {
    return this.#body([])
  }

  /** Up to the tag that begins with one of `ends`, of which `{%` has then been read. */
  #body(ends: readonly string[]): Body {
    if (++this.#depth > maxDepth) throw syntaxError('Too many blocks are nested.')
    const body: Statement[] = []
    for (;;) {
      const { type, value } = this.#tokens.next()
      if (type === 'data') body.push({ type: 'data', text: value })
      else if (type === 'variable_begin') body.push(this.#output())
      else if (type === 'block_begin') {
        if (this.#tokens.isOneOf(ends)) break
        body.push(this.#statement())
        this.#tokens.expectType('block_end')
      } else {
        if (ends.length === 0) break
        throw syntaxError(`Unexpected end of template: ${ends.join(' or ')} is missing.`)
      }
    }
    this.#depth--
    return body
  }

  #output(): Statement {
    const expression = this.#expressions.tupleOrExpression()
    this.#tokens.expectType('variable_end')
    return { type: 'output', expression }
  }

  #statement(): Statement {
    const name = this.#tokens.expectName()
    const parse = statements.get(name)
    if (parse === undefined) throw syntaxError(`Encountered unknown tag '${name}'.`)
    return parse(this)
  }

  /**
   * The inside of a block: behind its first tag, up to and with one of the tags `ends`, whose name is given,
   * too.
   */
  #inside(ends: readonly string[]): { readonly body: Body; readonly end: string } {
    this.#tokens.takeOperator(':')
    this.#tokens.expectType('block_end')
    const body = this.#body(ends)
    return { body, end: this.#tokens.next().value }
  }

  for(): ForNode {
    const target = this.target({ endsAt: ['in'] })
    if (!this.#tokens.takeName('in')) throw this.#tokens.unexpected("'in'")
    const iterable = this.#expressions.tupleOrExpression({
      conditional: false,
      endsAt: ['recursive'],
    })
    const test = this.#tokens.takeName('if') ? this.#expressions.expression() : undefined
    const recursive = this.#tokens.takeName('recursive')
    const { body, end } = this.#inside(['endfor', 'else'])
    const otherwise = end === 'else' ? this.#inside(['endfor']).body : []
    return { type: 'for', target, iterable, test, recursive, body, otherwise }
  }

  if(): IfNode {
    const branches: { test: Expression; body: Body }[] = []
    for (;;) {
      const test = this.#expressions.tupleOrExpression({ conditional: false })
      const { body, end } = this.#inside(['elif', 'else', 'endif'])
      branches.push({ test, body })
      if (end === 'elif') continue
      const otherwise = end === 'else' ? this.#inside(['endif']).body : []
      return { type: 'if', branches, otherwise }
    }
  }

  set(): Statement {
    const target = this.target({ namespace: true })
    if (this.#tokens.takeOperator('=')) {
      return { type: 'set', target, value: this.#expressions.tupleOrExpression() }
    }
    const filter = this.#tokens.isOperator('|') ? this.#expressions.filters(undefined) : undefined
    return { type: 'set-block', target, filter, body: this.#inside(['endset']).body }
  }

  with(): Statement {
    const values: { target: Target; value: Expression }[] = []
    while (this.#tokens.current.type !== 'block_end') {
      if (values.length > 0) this.#tokens.expectOperator(',')
      const target = this.target({})
      this.#tokens.expectOperator('=')
      values.push({ target, value: this.#expressions.expression() })
    }
    return { type: 'with', values, body: this.#inside(['endwith']).body }
  }

  macro(): Statement {
    const name = this.#tokens.expectName()
    const signature = this.#signature()
    return { type: 'macro', name, ...signature, body: this.#inside(['endmacro']).body }
  }

  call(): Statement {
    const signature = this.#tokens.isOperator('(') ? this.#signature() : { parameters: [] }
    const call = this.#expressions.expression()
    if (call.type !== 'call') throw syntaxError('expected call')
    return { type: 'call-block', call, ...signature, body: this.#inside(['endcall']).body }
  }

  #signature(): Signature {
    const parameters: { name: string; otherwise: Expression | undefined }[] = []
    this.#tokens.expectOperator('(')
    while (!this.#tokens.isOperator(')')) {
      if (parameters.length > 0) this.#tokens.expectOperator(',')
      const name = this.#tokens.expectName()
      const otherwise = this.#tokens.takeOperator('=') ? this.#expressions.expression() : undefined
      if (otherwise === undefined && parameters.at(-1)?.otherwise !== undefined) {
        throw syntaxError('non-default argument follows default argument')
      }
      parameters.push({ name, otherwise })
    }
    this.#tokens.expectOperator(')')
    return { parameters }
  }

  filter(): Statement {
    const filter = this.#expressions.filterChain()
    return { type: 'filter-block', filter, body: this.#inside(['endfilter']).body }
  }

  autoescape(): Statement {
    const enabled = this.#expressions.expression()
    return { type: 'autoescape', enabled, body: this.#inside(['endautoescape']).body }
  }

  block(): Statement {
    const name = this.#tokens.expectName()
    this.#tokens.takeName('scoped')
    this.#tokens.takeName('required')
    const { body } = this.#inside(['endblock'])
    this.#tokens.takeName(name)
    return { type: 'block', body }
  }

  print(): Statement {
    return { type: 'output', expression: this.#expressions.tupleOrExpression() }
  }

  /** Its words do not matter: there is nothing to load. */
  load(): Statement {
    while (!['block_end', 'end'].includes(this.#tokens.current.type)) this.#tokens.next()
    return { type: 'load' }
  }

  target(options: { readonly endsAt?: readonly string[]; readonly namespace?: boolean }): Target {
    const items: Target[] = []
    let isTuple = false
    while (!this.#endsTarget(options.endsAt ?? [])) {
      items.push(this.#oneTarget(options.namespace === true))
      if (!this.#tokens.takeOperator(',')) break
      isTuple = true
    }
    const [first] = items
    if (first === undefined) throw this.#tokens.unexpected('a name')
    return isTuple ? { type: 'tuple', items } : first
  }

  #endsTarget(names: readonly string[]): boolean {
    return (
      this.#tokens.current.type === 'block_end' ||
      this.#tokens.isOperator(')') ||
      this.#tokens.isOneOf(names)
    )
  }

  #oneTarget(namespace: boolean): Target {
    if (this.#tokens.takeOperator('(')) {
      const inner = this.target({ namespace })
      this.#tokens.expectOperator(')')
      return inner
    }
    const name = this.#tokens.expectName()
    if (constantNames.has(name)) throw syntaxError(`can't assign to '${name}'`)
    if (namespace && this.#tokens.takeOperator('.')) {
      return { type: 'attribute', name, attribute: this.#tokens.expectName() }
    }
    return { type: 'name', name }
  }
}

const constantNames: ReadonlySet<string> = new Set([
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
])

const statements: ReadonlyMap<string, (parser: TemplateParser) => Statement> = new Map([
  ['for', (parser: TemplateParser): Statement => parser.for()],
  ['if', (parser) => parser.if()],
  ['set', (parser) => parser.set()],
  ['with', (parser) => parser.with()],
  ['macro', (parser) => parser.macro()],
  ['call', (parser) => parser.call()],
  ['filter', (parser) => parser.filter()],
  ['autoescape', (parser) => parser.autoescape()],
  ['block', (parser) => parser.block()],
  ['print', (parser) => parser.print()],
  ['include', (parser) => parser.load()],
  ['import', (parser) => parser.load()],
  ['from', (parser) => parser.load()],
  ['extends', (parser) => parser.load()],
])
