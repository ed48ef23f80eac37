import type { Value } from '../value/value.ts'

/** A template, parsed. The names are Jinja's. */

export type Expression = Atom | Access | Operation

export type Atom =
  | { readonly type: 'const'; readonly value: Value }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'list' | 'tuple' | 'concat'; readonly items: readonly Expression[] }
  | { readonly type: 'dict'; readonly items: readonly (readonly [Expression, Expression])[] }

/** An expression that begins with another expression and reads or calls a part of it. */
export type Access =
  | { readonly type: 'getattr'; readonly object: Expression; readonly name: string }
  | { readonly type: 'getitem'; readonly object: Expression; readonly key: Expression }
  | SliceNode
  | CallNode
  | FilterNode
  | TestNode

export type Operation =
  | ConditionNode
  | BinaryNode
  | { readonly type: 'not' | 'negative' | 'positive'; readonly operand: Expression }
  | CompareNode

export function isAccess(node: Expression): node is Access {
  return accessTypes.has(node.type)
}
const accessTypes: ReadonlySet<string> = new Set([
  'getattr',
  'getitem',
  'slice',
  'call',
  'filter',
  'test',
])

export function isOperation(node: Expression): node is Operation {
  return operationTypes.has(node.type)
}
const operationTypes: ReadonlySet<string> = new Set([
  'condition',
  'binary',
  'not',
  'negative',
  'positive',
  'compare',
])

export interface ConditionNode {
  readonly type: 'condition'
  readonly test: Expression
  readonly then: Expression
  /** Undefined: the value is undefined. */
  readonly otherwise: Expression | undefined
}
export interface SliceNode {
  readonly type: 'slice'
  readonly object: Expression
  readonly start: Expression | undefined
  readonly stop: Expression | undefined
  readonly step: Expression | undefined
}
export interface Arguments {
  readonly positional: readonly Expression[]
  readonly keywords: readonly (readonly [string, Expression])[]
  /** `*list` and `**dict`. */
  readonly rest: Expression | undefined
  readonly restKeywords: Expression | undefined
}
export interface CallNode {
  readonly type: 'call'
  readonly callee: Expression
  readonly args: Arguments
}
export interface FilterNode {
  readonly type: 'filter'
  readonly name: string
  /** Undefined inside of `{% filter %}` and `{% set x | filter %}`: the text of the block. */
  readonly operand: Expression | undefined
  readonly args: Arguments
}
export interface TestNode {
  readonly type: 'test'
  readonly name: string
  readonly operand: Expression
  readonly args: Arguments
}
export interface BinaryNode {
  readonly type: 'binary'
  readonly operator: '+' | '-' | '*' | '/' | '//' | '%' | '**' | 'and' | 'or'
  readonly left: Expression
  readonly right: Expression
}
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in'
export interface CompareNode {
  readonly type: 'compare'
  readonly first: Expression
  readonly rest: readonly { readonly operator: CompareOperator; readonly operand: Expression }[]
}

/** The targets that may stand left of `=`, or between `for` and `in`. */
export type Target =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'attribute'; readonly name: string; readonly attribute: string }
  | { readonly type: 'tuple'; readonly items: readonly Target[] }

export type Statement = SimpleStatement | BlockStatement

export type SimpleStatement =
  | { readonly type: 'data'; readonly text: string }
  | { readonly type: 'output'; readonly expression: Expression }
  | { readonly type: 'set'; readonly target: Target; readonly value: Expression }
  /** include, import, from, extends: there is nothing to load. */
  | { readonly type: 'load' }

/** A statement with others inside. */
export type BlockStatement =
  | IfNode
  | ForNode
  | SetBlockNode
  | WithNode
  | MacroNode
  | CallBlockNode
  | { readonly type: 'filter-block'; readonly filter: FilterNode; readonly body: Body }
  | { readonly type: 'autoescape'; readonly enabled: Expression; readonly body: Body }
  /** `{% block %}`: rendered where it stands. */
  | { readonly type: 'block'; readonly body: Body }

export function isBlock(statement: Statement): statement is BlockStatement {
  return !simpleTypes.has(statement.type)
}
const simpleTypes: ReadonlySet<string> = new Set(['data', 'output', 'set', 'load'])

export type Body = readonly Statement[]
export interface IfNode {
  readonly type: 'if'
  readonly branches: readonly { readonly test: Expression; readonly body: Body }[]
  readonly otherwise: Body
}
export interface ForNode {
  readonly type: 'for'
  readonly target: Target
  readonly iterable: Expression
  /** `for x in y if test`. */
  readonly test: Expression | undefined
  readonly recursive: boolean
  readonly body: Body
  readonly otherwise: Body
}
export interface SetBlockNode {
  readonly type: 'set-block'
  readonly target: Target
  readonly filter: FilterNode | undefined
  readonly body: Body
}
export interface WithNode {
  readonly type: 'with'
  readonly values: readonly { readonly target: Target; readonly value: Expression }[]
  readonly body: Body
}
export interface Signature {
  readonly parameters: readonly {
    readonly name: string
    readonly otherwise: Expression | undefined
  }[]
}
export interface MacroNode extends Signature {
  readonly type: 'macro'
  readonly name: string
  readonly body: Body
}
export interface CallBlockNode extends Signature {
  readonly type: 'call-block'
  readonly call: CallNode
  readonly body: Body
}
