import type { IndexDefinition, PostgresDefinition } from '../../../protocol/index.ts'
import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import { planIndex } from './index-sql.ts'
import type { DefinitionContext, LeaveOut, Planned } from './planned-definition.ts'
import { translateExpression } from './translate-expression.ts'

/** How the table gets the definition; a note if it cannot; undefined if it is nothing of the table. */
export function planDefinition(
  definition: PostgresDefinition,
  context: DefinitionContext,
): Planned {
  const { kind } = definition
  const leftOut = (reason: string): Planned => ({
    note: `${labelOf(definition)} is left out: ${reason}`,
  })
  const obstacle = findObstacle(definition, context)
  if (obstacle !== undefined) return ofColumn.includes(kind) ? undefined : leftOut(obstacle)
  switch (kind) {
    case 'index':
    case 'unique':
    case 'exclusion':
      return planIndex(definition, context, leftOut)
    case 'check':
    case 'default':
      return planExpression(definition, context, leftOut)
    case 'foreign_key':
      return leftOut('rows of the other table may come later')
    case 'identity':
      return planIdentity(columnOf(definition, context))
    case 'collation':
      return planCollation(definition, context, leftOut)
    case 'comment':
      return planComment(definition, context)
  }
}

/** Kinds that are a property of a column: without it, nobody misses them. */
const ofColumn: readonly string[] = ['default', 'identity', 'collation', 'comment']

/** The column that is not there, or whose values are others than at the source. */
function findObstacle(
  definition: PostgresDefinition,
  { names, changed }: DefinitionContext,
): string | undefined {
  const { kind, columns } = definition
  const missing = columns.find((column) => !names.columns.has(column))
  if (missing !== undefined) return `column ${missing} is not loaded`
  const isPlainIndex = kind === 'index' && definition.unique !== true && isOfColumns(definition)
  if (isPlainIndex || kind === 'comment') return undefined
  for (const column of columns) {
    const change = changed(column)
    if (change === 'changed by a function' && kind === 'collation') continue
    if (change !== undefined) return `column ${column} is ${change}`
  }
  return undefined
}

function isOfColumns({ keys, where }: IndexDefinition): boolean {
  return where == null && keys.every(({ column }) => column != null)
}

/** The column of a definition of one, as it is called here; empty for the table itself. */
export function columnOf(
  { columns: [column = ''] }: Pick<PostgresDefinition, 'columns'>,
  { names }: Pick<DefinitionContext, 'names'>,
): string {
  return names.columns.get(column) ?? ''
}

/** The object of a COMMENT: a column, or the table if that is empty. */
export function commented(table: TableName, column: string): string {
  return column === ''
    ? `TABLE ${quoteTable(table)}`
    : `COLUMN ${quoteTable(table)}.${quoteIdentifier(column)}`
}

function nameOf(definition: PostgresDefinition): string {
  if (definition.kind === 'collation') return definition.columns[0] ?? ''
  return 'name' in definition ? definition.name : (definition.columns[0] ?? '')
}

function labelOf(definition: PostgresDefinition): string {
  return labelOfKind(definition.kind, nameOf(definition))
}

/** For messages. A definition of a column has its name, and the comment of a table none. */
export function labelOfKind(kind: string, objectName: string): string {
  const name = quoteIdentifier(objectName)
  if (kind === 'index') return `index ${name}`
  if (kind === 'foreign_key') return `foreign key ${name}`
  if (kind === 'default' || kind === 'identity' || kind === 'collation')
    return `${kind} of column ${name}`
  if (kind === 'comment') return name === '""' ? 'the comment' : `comment of column ${name}`
  return `constraint ${name}`
}

function planExpression(
  definition: Extract<PostgresDefinition, { kind: 'check' | 'default' }>,
  context: DefinitionContext,
  leftOut: LeaveOut,
): Planned {
  const translated = translateExpression(definition.expression, context.names)
  if ('problem' in translated) return leftOut(translated.problem)
  const { sql, functions } = translated
  const { kind } = definition
  const own = { kind, label: labelOf(definition), functions }
  if (kind === 'default') {
    const column = columnOf(definition, context)
    return {
      ...own,
      name: column,
      statements: (table) => [
        `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${quoteIdentifier(column)} SET DEFAULT ${sql}`,
      ],
    }
  }
  return {
    ...own,
    name: definition.name,
    // The second statement reads the table without blocking anybody.
    statements: (table, name) => [
      `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${quoteIdentifier(name)} CHECK (${sql}) NOT VALID`,
      `ALTER TABLE ${quoteTable(table)} VALIDATE CONSTRAINT ${quoteIdentifier(name)}`,
    ],
  }
}

/** BY DEFAULT: the rows of the source come with their numbers. */
function planIdentity(column: string): Planned {
  return {
    kind: 'identity',
    name: column,
    label: `identity of column ${quoteIdentifier(column)}`,
    functions: [],
    statements: (table) => [
      `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${quoteIdentifier(column)} ADD GENERATED BY DEFAULT AS IDENTITY`,
    ],
  }
}

function planCollation(
  definition: Extract<PostgresDefinition, { kind: 'collation' }>,
  context: DefinitionContext,
  leftOut: LeaveOut,
): Planned {
  const { name } = definition
  const column = columnOf(definition, context)
  const collation = context.collations.get(name)
  const type = context.types.get(column)
  if (type === undefined) return undefined
  if (collation === undefined)
    return leftOut(
      `the destination has no collation ${quoteIdentifier(name)}, so the column has the default one; after CREATE COLLATION there, the next run sets it`,
    )
  return {
    kind: 'collation',
    name: column,
    label: labelOfKind('collation', column),
    collation,
    functions: [],
    statements: (table) => [
      `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${quoteIdentifier(column)} TYPE ${type} COLLATE ${collation}`,
    ],
  }
}

function planComment(
  definition: Extract<PostgresDefinition, { kind: 'comment' }>,
  context: DefinitionContext,
): Planned {
  const column = columnOf(definition, context)
  return {
    kind: 'comment',
    name: column,
    label: labelOf(definition),
    functions: [],
    statements: (table) => [
      `COMMENT ON ${commented(table, column)} IS ${quoteLiteral(definition.text)}`,
    ],
  }
}
