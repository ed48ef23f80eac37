import {
  isAccess,
  isBlock,
  isOperation,
  type Access,
  type Arguments,
  type BlockStatement,
  type Body,
  type Expression,
  type Operation,
  type Statement,
  type Target,
} from './nodes.ts'

/** The parts of nodes, in the order in which Jinja sees them. */

/** The expressions directly inside of one. */
export function partsOf(node: Expression): readonly Expression[] {
  if (isAccess(node)) return partsOfAccess(node)
  if (isOperation(node)) return partsOfOperation(node)
  switch (node.type) {
    case 'const':
    case 'name':
      return []
    case 'list':
    case 'tuple':
    case 'concat':
      return node.items
    case 'dict':
      return node.items.flat()
  }
}

function partsOfAccess(node: Access): readonly Expression[] {
  switch (node.type) {
    case 'getattr':
      return [node.object]
    case 'getitem':
      return [node.object, node.key]
    case 'slice':
      return present([node.object, node.start, node.stop, node.step])
    case 'call':
      return [node.callee, ...argumentsOf(node.args)]
    case 'filter':
      return [...present([node.operand]), ...argumentsOf(node.args)]
    case 'test':
      return [node.operand, ...argumentsOf(node.args)]
  }
}

function partsOfOperation(node: Operation): readonly Expression[] {
  switch (node.type) {
    case 'condition':
      return present([node.test, node.then, node.otherwise])
    case 'binary':
      return [node.left, node.right]
    case 'not':
    case 'negative':
    case 'positive':
      return [node.operand]
    case 'compare':
      return [node.first, ...node.rest.map(({ operand }) => operand)]
  }
}

function argumentsOf(args: Arguments): readonly Expression[] {
  const keywords = args.keywords.map(([, value]) => value)
  return [...args.positional, ...keywords, ...present([args.rest, args.restKeywords])]
}

function present(nodes: readonly (Expression | undefined)[]): readonly Expression[] {
  return nodes.filter((node) => node !== undefined)
}

/** Names that are read in an expression, in order. */
export function namesIn(node: Expression): readonly string[] {
  const names: string[] = []
  addNames(node, names)
  return names
}

function addNames(node: Expression, names: string[]): void {
  if (node.type === 'name') names.push(node.name)
  else for (const part of partsOf(node)) addNames(part, names)
}

/** Names that an assignment sets; the name of a namespace is read, not set. */
export function targetNames(target: Target): readonly string[] {
  switch (target.type) {
    case 'name':
      return [target.name]
    case 'attribute':
      return []
    case 'tuple':
      return target.items.flatMap(targetNames)
  }
}

/** The expressions of a statement, without those of its bodies. */
export function expressionsOf(statement: Statement): readonly Expression[] {
  if (isBlock(statement)) return expressionsOfBlock(statement)
  if (statement.type === 'output') return [statement.expression]
  return statement.type === 'set' ? [statement.value] : []
}

function expressionsOfBlock(statement: BlockStatement): readonly Expression[] {
  switch (statement.type) {
    case 'if':
      return statement.branches.map(({ test }) => test)
    case 'for':
      return present([statement.iterable, statement.test])
    case 'set-block':
      return present([statement.filter])
    case 'with':
      return statement.values.map(({ value }) => value)
    case 'macro':
      return present(statement.parameters.map(({ otherwise }) => otherwise))
    case 'call-block':
      return [statement.call, ...present(statement.parameters.map(({ otherwise }) => otherwise))]
    case 'filter-block':
      return [statement.filter]
    case 'autoescape':
      return [statement.enabled]
    case 'block':
      return []
  }
}

export function bodiesOf(statement: Statement): readonly Body[] {
  if (!isBlock(statement)) return []
  if (statement.type === 'if') {
    return [...statement.branches.map(({ body }) => body), statement.otherwise]
  }
  return statement.type === 'for' ? [statement.body, statement.otherwise] : [statement.body]
}

function targetsOf(statement: Statement): readonly Target[] {
  const { type } = statement
  if (type === 'for' || type === 'set' || type === 'set-block') return [statement.target]
  return type === 'with' ? statement.values.map(({ target }) => target) : []
}

/** Names that the statements, and those inside of them, set: other names come from outside. */
export function assignedNames(body: Body): Set<string> {
  const names = new Set<string>()
  for (const statement of body) {
    for (const target of targetsOf(statement))
      for (const name of targetNames(target)) names.add(name)
    for (const inner of bodiesOf(statement))
      for (const name of assignedNames(inner)) names.add(name)
    if (statement.type === 'for') names.add('loop')
    if (statement.type === 'macro' || statement.type === 'call-block') {
      for (const name of ['caller', 'varargs', 'kwargs']) names.add(name)
      for (const parameter of statement.parameters) names.add(parameter.name)
    }
    if (statement.type === 'macro') names.add(statement.name)
  }
  return names
}

/** Whether the statements, or those inside of them, read a name. */
export function reads(body: Body, name: string): boolean {
  return body.some(
    (statement) =>
      expressionsOf(statement).some((node) => namesIn(node).includes(name)) ||
      bodiesOf(statement).some((inner) => reads(inner, name)),
  )
}

/** The names that are called in a template, anywhere in it. */
export function calledNames(body: Body): ReadonlySet<string> {
  const called = new Set<string>()
  const look = (node: Expression): void => {
    if (node.type === 'call' && node.callee.type === 'name') called.add(node.callee.name)
    for (const part of partsOf(node)) look(part)
  }
  const lookIn = (statements: Body): void => {
    for (const statement of statements) {
      for (const expression of expressionsOf(statement)) look(expression)
      if (isBlock(statement)) for (const inner of bodiesOf(statement)) lookIn(inner)
    }
  }
  lookIn(body)
  return called
}
