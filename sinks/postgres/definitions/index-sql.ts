import type { IndexDefinition } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { DefinitionContext, LeaveOut, Planned } from './planned-definition.ts'
import { translateExpression } from './translate-expression.ts'

/**
 * An index, or a constraint that has one. In a table that keeps rows which the source has deleted, nothing is
 * unique: a value may come back with another row, and the load would fail.
 */
export function planIndex(
  definition: IndexDefinition,
  context: DefinitionContext,
  leftOut: LeaveOut,
): Planned {
  const { kind, name, unique } = definition
  if (isKeyOf(definition, context)) return undefined
  if (kind === 'exclusion' && !context.isWhole) return leftOut(rowsMayStay)
  const built = indexText(definition, context)
  if ('problem' in built) return leftOut(built.problem)
  const label = `${kind === 'index' ? 'index' : 'constraint'} ${quoteIdentifier(name)}`
  const own = { name, label, functions: built.functions }
  const delay = delayText(definition)
  if (kind === 'exclusion') return { ...own, kind, statements: exclusion(built.body, delay) }
  if (unique === true && !context.isWhole) {
    const remark = `${label} is made without UNIQUE: ${rowsMayStay}`
    return { ...own, remark, kind: 'index', statements: plainIndex('INDEX', built.body) }
  }
  const what = unique === true ? 'UNIQUE INDEX' : 'INDEX'
  const create = plainIndex(what, built.body)
  if (kind === 'index') return { ...own, kind, statements: create }
  return {
    ...own,
    kind,
    statements: (table, given) => [
      ...create(table, given),
      `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${quoteIdentifier(given)} UNIQUE USING INDEX ${quoteIdentifier(given)}${delay}`,
    ],
  }
}

const rowsMayStay = 'rows that the source has deleted may still be in the table'

type Statements = (table: TableName, name: string) => readonly string[]

function plainIndex(what: 'INDEX' | 'UNIQUE INDEX', body: string): Statements {
  return (table, name) => [
    `CREATE ${what} ${quoteIdentifier(name)} ON ${quoteTable(table)} ${body}`,
  ]
}

function exclusion(body: string, delay: string): Statements {
  return (table, name) => [
    `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${quoteIdentifier(name)} EXCLUDE ${body}${delay}`,
  ]
}

/** The table has an index of its key already. */
function isKeyOf(
  { keys, unique, where }: IndexDefinition,
  { names, key }: DefinitionContext,
): boolean {
  if (unique !== true || where != null || key.length === 0) return false
  const columns = keys.map(({ column, expression }) =>
    expression == null ? names.columns.get(column ?? '') : undefined,
  )
  return (
    columns.length === key.length &&
    columns.every((name) => name !== undefined && key.includes(name))
  )
}

function delayText(definition: IndexDefinition): string {
  if (definition.kind === 'index' || definition.delay == null) return ''
  return definition.delay === 'deferred' ? ' DEFERRABLE INITIALLY DEFERRED' : ' DEFERRABLE'
}

type Built =
  { readonly body: string; readonly functions: readonly string[] } | { readonly problem: string }

/** `USING btree (…) INCLUDE (…) WHERE (…)` */
function indexText(definition: IndexDefinition, context: DefinitionContext): Built {
  const { method, where, nullsEqual } = definition
  const keys = definition.keys.map((key) => keyText(key, context))
  const condition = where == null ? [] : [translateExpression(where, context.names)]
  const functions: string[] = []
  for (const part of [...keys, ...condition]) {
    if ('problem' in part) return part
    functions.push(...part.functions)
  }
  const list = keys.flatMap((key) => ('body' in key ? key.body : [])).join(', ')
  const [filter] = condition
  const body = [
    `USING ${quoteIdentifier(method)} (${list})`,
    inBrackets('INCLUDE', includedOf(definition, context)),
    nullsEqual === true ? 'NULLS NOT DISTINCT' : '',
    inBrackets('WITH', definition.options ?? []),
    inBrackets('WHERE', filter !== undefined && 'sql' in filter ? [filter.sql] : []),
  ]
  return { body: body.filter((part) => part !== '').join(' '), functions }
}

function includedOf({ include }: IndexDefinition, { names }: DefinitionContext): readonly string[] {
  return (include ?? []).map((column) => quoteIdentifier(names.columns.get(column) ?? column))
}

function inBrackets(word: string, list: readonly string[]): string {
  return list.length === 0 ? '' : `${word} (${list.join(', ')})`
}

type Key = IndexDefinition['keys'][number]

function keyText(key: Key, context: DefinitionContext): Built {
  const named = keyName(key, context)
  if ('problem' in named) return named
  const operators = operatorClass(key, context)
  if (operators === undefined)
    return {
      problem: `it needs the operator class ${key.operators?.name ?? ''} of the extension ${key.operators?.extension ?? ''}, which the destination does not have`,
    }
  const { collation, descending, nullsFirst, operator } = key
  const parts = [
    named.body,
    collation == null ? '' : `COLLATE pg_catalog.${quoteIdentifier(collation)}`,
    operators,
    descending === true ? 'DESC' : '',
    nullsText(descending === true, nullsFirst === true),
    operator == null ? '' : `WITH ${operator}`,
  ]
  return { body: parts.filter((part) => part !== '').join(' '), functions: named.functions }
}

function keyName({ column, expression }: Key, { names }: DefinitionContext): Built {
  if (expression == null)
    return { body: quoteIdentifier(names.columns.get(column ?? '') ?? ''), functions: [] }
  const translated = translateExpression(expression, names)
  if ('problem' in translated) return translated
  return { body: `(${translated.sql})`, functions: translated.functions }
}

/** Empty for the default; undefined if the destination lacks it. */
function operatorClass({ operators }: Key, context: DefinitionContext): string | undefined {
  if (operators == null) return ''
  const { name, extension } = operators
  return extension == null ? `pg_catalog.${quoteIdentifier(name)}` : context.operators.get(name)
}

/** Only if it is not what the order has by itself. */
function nullsText(descending: boolean, nullsFirst: boolean): string {
  if (descending === nullsFirst) return ''
  return nullsFirst ? 'NULLS FIRST' : 'NULLS LAST'
}
