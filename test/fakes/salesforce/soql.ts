import {
  parseQuery,
  type FieldType,
  type Query,
  type ValueCondition,
  type WhereClause,
} from '@jetstreamapp/soql-parser-js'
import type { FieldDefinition, ObjectDefinition } from './objects.ts'
import { SalesforceError } from './salesforce-error.ts'

export type Value = string | number | boolean | null
export type Row = Readonly<Record<string, Value>>

/** The organization as a query sees it. */
export interface QueryTarget {
  /** Its visible fields only. Throws if there is no such object. */
  object(name: string): ObjectDefinition
  /** The visible rows, in any order. */
  rows(object: string): readonly Row[]
  row(id: string): Row | undefined
}

export interface QueryResult {
  readonly object: ObjectDefinition
  /** The columns in the order of the query; empty for `COUNT()`. */
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

/** Runs a query. What it means is decided by a parser that is not ours; mixed AND and OR need parentheses. */
export function runQuery(soql: string, target: QueryTarget): QueryResult {
  const query = parsed(soql)
  const object = target.object(query.sObject ?? '')
  const scope = new Scope(object, target)
  const isCount = query.fields?.some(isCountAll) === true
  const columns = isCount ? [] : (query.fields ?? []).map((field) => scope.column(field))
  const matches = query.where === undefined ? () => true : conditionOf(query.where, scope)
  const found = target.rows(object.name).filter(matches)
  const orders = [query.orderBy ?? []].flat().map((order) => {
    if (!('field' in order)) throw malformed('only fields can be ordered by')
    return scope.order(order.field, order.order === 'DESC' ? -1 : 1)
  })
  const sorted = found.toSorted((a, b) => firstDifference(orders, a, b))
  const start = query.offset ?? 0
  const rows = sorted.slice(start, query.limit === undefined ? undefined : start + query.limit)
  return { object, columns, rows }
}

function parsed(soql: string): Query {
  if (soql.length > 100_000)
    throw new SalesforceError(
      'MALFORMED_QUERY',
      'SOQL statements cannot be longer than 100000 characters.',
    )
  try {
    return parseQuery(soql)
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error))
  }
}

function malformed(message: string): SalesforceError {
  return new SalesforceError('MALFORMED_QUERY', message)
}

function isCountAll(field: FieldType): boolean {
  return field.type === 'FieldFunctionExpression' && field.functionName.toUpperCase() === 'COUNT'
}

type Compare = (a: Row, b: Row) => number

function firstDifference(orders: readonly Compare[], a: Row, b: Row): number {
  for (const order of orders) {
    const difference = order(a, b)
    if (difference !== 0) return difference
  }
  return 0
}

class Scope {
  readonly #object: ObjectDefinition
  readonly #target: QueryTarget

  constructor(object: ObjectDefinition, target: QueryTarget) {
    this.#object = object
    this.#target = target
  }

  column(field: FieldType): string {
    if (field.type === 'Field') return this.field(field.field).name
    if (field.type === 'FieldRelationship')
      throw malformed(`relationships are not selected here: ${field.rawValue ?? field.field}`)
    throw malformed(`this is not selected here: ${field.type}`)
  }

  field(name: string): FieldDefinition {
    const found = this.#object.fields.find(
      (field) => field.name.toLowerCase() === name.toLowerCase(),
    )
    if (found !== undefined) return found
    throw new SalesforceError(
      'INVALID_FIELD',
      `\nSELECT ${name} FROM ${this.#object.name}\n       ^\nERROR at Row:1:Column:8\nNo such column '${name}' on entity '${this.#object.name}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.`,
    )
  }

  /** The field at the end of a path such as `PermissionSet.Name`, and its value in a row. */
  path(path: string): { readonly field: FieldDefinition; readonly read: (row: Row) => Value } {
    const [first = '', ...rest] = path.split('.')
    if (rest.length === 0) {
      const field = this.field(first)
      return { field, read: (row) => row[field.name] ?? null }
    }
    const link = this.#object.fields.find(({ relationshipName }) => relationshipName === first)
    if (link === undefined)
      throw malformed(`Didn't understand relationship '${first}' in field path`)
    const [to = ''] = link.referenceTo
    const inner = new Scope(this.#target.object(to), this.#target).path(rest.join('.'))
    return {
      field: inner.field,
      read: (row) => {
        const linked = this.#target.row(String(row[link.name]))
        return linked === undefined ? null : inner.read(linked)
      },
    }
  }

  order(path: string, direction: 1 | -1): Compare {
    const { field, read } = this.path(path)
    if (!field.sortable) throw malformed(`field '${path}' can not be sorted in a query call`)
    return (a, b) => direction * compared(read(a), read(b), field)
  }
}

/** Null comes first. */
function compared(a: Value, b: Value, field: FieldDefinition): number {
  if (a === b) return 0
  if (a === null) return -1
  if (b === null) return 1
  const [x, y] = [a, b].map((value) => comparable(value, field))
  if (x === undefined || y === undefined || x === y) return 0
  return x < y ? -1 : 1
}

function comparable(value: Exclude<Value, null>, { type }: FieldDefinition): string | number {
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'number') return value
  if (type === 'datetime') return Date.parse(value)
  return type === 'id' || type === 'reference' ? value : value.toLowerCase()
}

type Matches = (row: Row) => boolean
type Token = '(' | ')' | 'AND' | 'OR' | 'NOT' | Matches

function conditionOf(where: WhereClause, scope: Scope): Matches {
  const tokens = [...tokensOf(where, scope)]
  const matches = expression(tokens)
  if (tokens.length > 0) throw malformed(`unexpected token: ${textOf(tokens[0])}`)
  return matches
}

function textOf(token: Token | undefined): string {
  return typeof token === 'string' ? token : '<EOF>'
}

function* tokensOf(where: WhereClause, scope: Scope): Generator<Token> {
  const { left } = where
  if (left !== null) {
    for (let open = left.openParen ?? 0; open > 0; open -= 1) yield '('
    if ('field' in left) {
      if (!('value' in left)) throw malformed('subqueries are not known here')
      yield matcher(left, scope)
    } else if ('fn' in left) throw malformed('functions are not known in conditions here')
    const close = 'closeParen' in left ? (left.closeParen ?? 0) : 0
    for (let rest = close; rest > 0; rest -= 1) yield ')'
  }
  if (!('operator' in where)) return
  yield where.operator
  yield* tokensOf(where.right, scope)
}

function expression(tokens: Token[]): Matches {
  const parts = [operand(tokens)]
  const [first] = tokens
  if (first !== 'AND' && first !== 'OR') return (row) => parts.every((part) => part(row))
  while (tokens[0] === 'AND' || tokens[0] === 'OR') {
    if (tokens[0] !== first) throw malformed(`unexpected token: ${tokens[0]}`)
    tokens.shift()
    parts.push(operand(tokens))
  }
  return first === 'AND'
    ? (row) => parts.every((part) => part(row))
    : (row) => parts.some((part) => part(row))
}

function operand(tokens: Token[]): Matches {
  const token = tokens.shift()
  if (typeof token === 'function') return token
  if (token === 'NOT') {
    const inner = operand(tokens)
    return (row) => !inner(row)
  }
  if (token !== '(') throw malformed(`unexpected token: ${textOf(token)}`)
  const inner = expression(tokens)
  if (tokens.shift() !== ')') throw malformed('expecting a right parentheses')
  return inner
}

function matcher(condition: ValueCondition, scope: Scope): Matches {
  const { field, read } = scope.path(condition.field)
  if (!field.filterable)
    throw malformed(`field '${field.name}' can not be filtered in a query call`)
  const { operator } = condition
  const types = [condition.literalType ?? 'STRING'].flat()
  const values = [condition.value]
    .flat()
    .map((text, index) => literal(text, types[index] ?? types[0] ?? 'STRING', field))
  const [value = null] = values
  if (operator === 'LIKE') return (row) => likePattern(String(value)).test(String(read(row) ?? ''))
  const comparison = comparisons[operator]
  if (comparison === undefined) throw malformed(`the operator ${operator} is not known here`)
  return (row) => {
    const found = read(row)
    if (isOrder(operator) && (found === null || value === null)) return false
    return comparison(values.map((known) => compared(found, known, field)))
  }
}

function isOrder(operator: string): boolean {
  return operator.startsWith('<') || operator.startsWith('>')
}

/** By the differences to the values of the condition. */
const comparisons: Readonly<
  Record<string, ((differences: readonly number[]) => boolean) | undefined>
> = {
  '=': ([difference]) => difference === 0,
  '!=': ([difference]) => difference !== 0,
  '<': ([difference = 0]) => difference < 0,
  '<=': ([difference = 0]) => difference <= 0,
  '>': ([difference = 0]) => difference > 0,
  '>=': ([difference = 0]) => difference >= 0,
  IN: (differences) => differences.includes(0),
  'NOT IN': (differences) => !differences.includes(0),
}

function literal(text: string, type: string, field: FieldDefinition): Value {
  switch (type) {
    case 'NULL':
      return null
    case 'BOOLEAN':
      return text.toUpperCase() === 'TRUE'
    case 'INTEGER':
    case 'DECIMAL':
      return Number(text)
    case 'STRING':
      requireQuotes(field, { isQuoted: true })
      return text.slice(1, -1).replaceAll(/\\(.)/g, '$1')
    case 'DATE':
    case 'DATETIME':
      requireQuotes(field, { isQuoted: false })
      return text
    default:
      throw malformed(`the literal ${text} is not known here`)
  }
}

const unquoted = new Set(['datetime', 'date', 'double', 'int', 'currency', 'percent'])

function requireQuotes(
  { name, type }: FieldDefinition,
  { isQuoted }: { readonly isQuoted: boolean },
): void {
  if (isQuoted !== unquoted.has(type)) return
  const should = isQuoted ? 'should not be' : 'should be'
  throw malformed(
    `value of filter criterion for field '${name}' must be of type ${type} and ${should} enclosed in quotes`,
  )
}

function likePattern(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('%', '.*').replaceAll('_', '.')}$`, 'is')
}
