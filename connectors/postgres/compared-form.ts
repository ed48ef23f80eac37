import { outputText } from '../../postgres/compared-rows.ts'
import { operatorIn } from '../../postgres/search-path.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import type { Column } from '../../protocol/index.ts'
import type { ComparedForm, TableColumnType, TableField } from '../../protocol/comparison.ts'
import { isOwnText, selectExpression, type ColumnType } from './column-types.ts'
import { isBlankPadded } from './condition-sql.ts'
import { maskExpression } from './mask-sql.ts'
import { isAbsent, type SourceColumn } from './stream-source.ts'

/** The form in which a column and the column it was loaded into are compared, or why there is none. */
export type FoundForm = { readonly form: ComparedForm } | { readonly reason: string }

const integers = ['int2', 'int4', 'int8', 'oid']
const floats = ['float4', 'float8']
const texts = ['text', 'varchar', 'name', 'citext', 'bpchar', 'char']

/** Finds the form of a column. `there`: the field and its column at the destination. */
export function comparedForm(column: SourceColumn, { field, type: there }: TableField): FoundForm {
  if (there === undefined) return { reason: `the table has no column for it yet` }
  if (isAbsent(column)) return { reason: 'the source no longer has it' }
  const { mask, type } = column
  if (mask?.as === 'hash')
    return { reason: 'it is masked by a hash, whose key PostgreSQL does not get' }
  if (mask !== undefined) return maskedForm(mask.as, there)
  return (
    ownForm(type, there) ?? castForm(type, { field, there }) ?? { reason: otherTypes(type, there) }
  )
}

function maskedForm(mask: string, there: TableColumnType): FoundForm {
  if (mask === 'null' || isText(there)) return { form: 'own' }
  return { reason: `it is masked, and its column is ${there.written}` }
}

/** The column has the type of the source. */
function ownForm(type: ColumnType, there: TableColumnType): FoundForm | undefined {
  if (type.isArray !== there.isArray) return undefined
  const isSame = type.isArray ? isSameArray(type, there) : isSameType(type, there)
  if (!isSame || type.kind === 'c') return undefined
  if (isBlankPadded(type)) return { form: 'unpadded' }
  if (isBuiltIn(type, ['money'])) return { form: 'amount' }
  const hasOtherScale = isBuiltIn(type, ['numeric']) && type.declared !== there.written
  return { form: hasOtherScale ? 'numeric' : 'own' }
}

function isSameType(type: ColumnType, there: TableColumnType): boolean {
  if (type.kind === 'e') return there.isEnum
  return type.name === there.name && (type.schema === 'pg_catalog') === there.isBuiltIn
}

/** The elements of a domain are of its base type there. */
function isSameArray({ unit }: ColumnType, there: TableColumnType): boolean {
  if (unit === undefined) return false
  if (unit.kind === 'e') return there.isOfEnums
  return `_${unit.name}` === there.name && (unit.schema === 'pg_catalog') === there.isBuiltIn
}

interface Loaded {
  /** The field as it is loaded. */
  readonly field: Column
  readonly there: TableColumnType
}

/** The column has another type, to which the value can be cast as the load does. */
function castForm(type: ColumnType, { field, there }: Loaded): FoundForm | undefined {
  if (isText(there)) return textForm(type, field)
  const { form, from } = casts.find(({ to }) => is(there, to)) ?? {}
  if (form !== undefined && from !== undefined && isBuiltIn(type, from)) return { form }
  const isJson = field.kind === 'json' || isPlainText(type, field)
  return is(there, ['jsonb']) && isJson ? { form: 'jsonb' } : undefined
}

interface Cast {
  /** Names of the types there, and at the source. */
  readonly to: readonly string[]
  readonly from: readonly string[]
  readonly form: ComparedForm
}

const casts: readonly Cast[] = [
  { to: integers, from: integers, form: 'own' },
  { to: ['numeric'], from: [...integers, ...floats, 'numeric', 'money'], form: 'numeric' },
  { to: ['float8'], from: ['float4'], form: 'numeric' },
  { to: ['jsonb'], from: [...integers, 'numeric', 'bool'], form: 'jsonb' },
  { to: ['timestamp'], from: ['date'], form: 'timestamp' },
  { to: ['timestamptz'], from: ['date'], form: 'timestamptz' },
]

/** A text column may hold several notations of anything but texts and exact numbers. */
function textForm(type: ColumnType, field: Column): FoundForm | undefined {
  if (isBlankPadded(type)) return { form: 'unpadded' }
  if (isBuiltIn(type, ['money'])) return { form: 'amount' }
  const isNumber = isBuiltIn(type, [...integers, 'numeric'])
  return isNumber || isOwnText(field) || isPlainText(type, field) ? { form: 'own' } : undefined
}

function isPlainText(type: ColumnType, { kind }: Column): boolean {
  return kind === 'string' && !type.isArray && type.kind !== 'c'
}

function otherTypes(type: ColumnType, { written }: TableColumnType): string {
  return `its column is ${written}, and no form is the same for that and for ${type.declared}`
}

function isText(type: TableColumnType): boolean {
  return !type.isArray && texts.includes(type.name)
}

function is(type: TableColumnType, names: readonly string[]): boolean {
  return type.isBuiltIn && !type.isArray && names.includes(type.name)
}

function isBuiltIn(type: ColumnType, names: readonly string[]): boolean {
  return type.schema === 'pg_catalog' && !type.isArray && names.includes(type.name)
}

/** The column in its form, as SQL for any search path. `field`: as it is loaded. */
export function comparedExpression(
  column: SourceColumn,
  { form, field }: { readonly form: ComparedForm; readonly field: Column },
): string {
  const { name, type, mask } = column
  const configured = { ...field, name }
  if (mask !== undefined)
    return maskExpression(mask, { name, kind: field.kind }, type) ?? 'NULL::pg_catalog.text'
  const quoted = quoteIdentifier(name)
  switch (form) {
    case 'own':
      return quoted
    case 'unpadded':
      return `pg_catalog.rtrim(${outputText(quoted)}, ' ')`
    case 'amount':
      return `${quoted}::pg_catalog.numeric`
    case 'numeric':
      return `pg_catalog.trim_scale(${numericOf(quoted, type)})`
    case 'jsonb':
      return jsonbOf(quoted, type, configured)
    case 'timestamp':
    case 'timestamptz':
      return momentOf(quoted, form)
  }
}

function numericOf(quoted: string, type: ColumnType): string {
  if (isBuiltIn(type, floats)) return `${outputText(quoted)}::pg_catalog.numeric`
  return isBuiltIn(type, ['oid'])
    ? `${quoted}::pg_catalog.int8::pg_catalog.numeric`
    : `${quoted}::pg_catalog.numeric`
}

/** Not every date is a timestamp: the load leaves such a value out, and notes it. */
function momentOf(quoted: string, type: 'timestamp' | 'timestamptz'): string {
  const greater = operatorIn('pg_catalog', '>')
  const isLater = `${quoted} ${greater} '294276-12-31'::pg_catalog.date AND pg_catalog.isfinite(${quoted})`
  return `(CASE WHEN ${isLater} THEN NULL ELSE ${quoted}::pg_catalog.${type} END)`
}

const pair = String.raw`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`
const unfit = String.raw`(^|[^\\])(\\\\)*\\u(0000|[dD][89a-fA-F])`

/** The value as JSON. What `jsonb` does not take, the load changes and notes: here it is another value. */
function jsonbOf(quoted: string, type: ColumnType, configured: Column): string {
  if (isBuiltIn(type, ['jsonb'])) return quoted
  const isJson = configured.kind === 'json'
  if (!isJson && isPlainText(type, configured)) return `pg_catalog.to_jsonb(${outputText(quoted)})`
  if (!isJson) return `pg_catalog.to_jsonb(${quoted})`
  const json = `(${selectExpression(configured.name, type, configured)})`
  const text = `${json}::pg_catalog.text`
  const hasEscapes = `pg_catalog.strpos(${text}, ${literal('\\u')}) ${operatorIn('pg_catalog', '>')} 0`
  const rest = `pg_catalog.regexp_replace(${text}, ${literal(pair)}, '', 'g')`
  const isUnfit = `${rest} ${operatorIn('pg_catalog', '~')} ${literal(unfit)}`
  return `(CASE WHEN ${hasEscapes} AND ${isUnfit} THEN '"not in jsonb"'::pg_catalog.jsonb ELSE ${json}::pg_catalog.jsonb END)`
}

/** Backslashes as they are, whatever the server takes them for in a plain literal. */
function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\')}'::pg_catalog.text`
}
