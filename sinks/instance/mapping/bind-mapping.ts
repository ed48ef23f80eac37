import type { WritableField, WritableObject } from '../../../connectors/record-writer.ts'
import { nearestName } from '../../../lib/text/near-names.ts'
import { ConnectError, streamIdOf, streamLabel } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import { findName } from './field-names.ts'
import { type FieldSource, fieldSource } from './field-source.ts'
import type { FieldRule, WriteRule } from './write-rules.ts'

export const deletedColumn = '_ab_cdc_deleted_at'

/** A field of the vendor, and where its value comes from. */
export interface MappedField {
  readonly field: WritableField
  readonly source: FieldSource
}

/** How the records of a stream are written, bound to the vendor's object as it is now. */
export interface BoundMapping {
  readonly stream: string
  readonly object: WritableObject
  /** The field by which a record is found. */
  readonly keyField: string
  /** The key is the vendor's own id: records are changed and deleted, and never created. */
  readonly isById: boolean
  readonly key: FieldSource
  /** Without the key. */
  readonly fields: readonly MappedField[]
  /** Columns whose values go nowhere. */
  readonly unmapped: readonly string[]
}

/** Throws `write_mapping_invalid`, which names each problem. */
export function bindMapping(
  sink: SinkStream,
  rule: WriteRule | undefined,
  object: WritableObject,
): BoundMapping {
  const columns = sink.columns.map(({ name }) => name)
  const stream = streamLabel(sink.stream.stream)
  const problems: string[] = []
  const rules = rule?.fields ?? sameNames(columns, object, rule?.key)
  const bound = Object.entries(rules).flatMap(([name, fieldRule]): MappedField[] => {
    const field = object.fields.find((candidate) => candidate.name === findFieldName(name, object))
    const problem = problemOf(name, fieldRule, { field, columns, object })
    if (problem !== undefined) problems.push(problem)
    if (field === undefined || problem !== undefined) return []
    return [{ field, source: fieldSource(fieldRule) }]
  })
  const keyField = keyFieldOf(sink, rule, { object, bound })
  const key = bound.find(({ field }) => field.name === keyField)
  const isById = keyField === 'Id'
  problems.push(...keyProblems(keyField, key, object))
  if (problems.length > 0 || key === undefined || keyField === undefined)
    throw new ConnectError('write_mapping_invalid', {
      details: { stream, object: object.name, problems: problems.join('; ') },
    })
  const used = new Set(bound.flatMap(({ source }) => source.column ?? []))
  return {
    stream,
    object,
    keyField,
    isById,
    key: key.source,
    fields: bound.filter((field) => field !== key),
    unmapped: columns.filter((name) => !used.has(name) && !name.startsWith('_ab_cdc_')),
  }
}

function keyProblems(
  keyField: string | undefined,
  key: MappedField | undefined,
  object: WritableObject,
): readonly string[] {
  if (keyField === undefined) return [noKey(object)]
  const needed = keyField === 'Id' ? 'update' : 'upsert'
  return [
    ...(key === undefined ? [`\`fields\` has no \`${keyField}\`, by which records are found`] : []),
    ...(object.operations.includes(needed)
      ? []
      : [`the user may not ${needed} records of ${object.name}`]),
  ]
}

/** The rule of a stream, by its name, or by its namespace and name. */
export function ruleOf(
  { stream }: Pick<SinkStream, 'stream'>,
  rules: readonly WriteRule[],
): WriteRule | undefined {
  const id = streamIdOf(stream.stream)
  return rules.find((rule) => rule.stream === streamLabel(id) || rule.stream === id.name)
}

/** The object that the records of a stream go into, before the vendor is asked. */
export function objectName({ stream }: Pick<SinkStream, 'stream'>, rule?: WriteRule): string {
  return rule?.object ?? stream.stream.name
}

function sameNames(
  columns: readonly string[],
  object: WritableObject,
  key: string | undefined,
): Record<string, FieldRule> {
  const names = object.fields
    .filter(({ name, onCreate, onUpdate }) => onCreate || onUpdate || name === key)
    .map(({ name }) => name)
  return Object.fromEntries(
    columns.flatMap((column) => {
      const field = findName(column, names)
      return field === undefined ? [] : [[field, column]]
    }),
  )
}

function findFieldName(name: string, { fields }: WritableObject): string | undefined {
  const names = fields.map((field) => field.name)
  return (
    names.find((known) => known === name) ??
    names.find((known) => known.toLowerCase() === name.toLowerCase())
  )
}

function problemOf(
  name: string,
  rule: FieldRule,
  {
    field,
    columns,
    object,
  }: {
    readonly field: WritableField | undefined
    readonly columns: readonly string[]
    readonly object: WritableObject
  },
): string | undefined {
  if (field === undefined)
    return `${object.name} has no field \`${name}\`${suggest(
      name,
      object.fields.map((known) => known.name),
    )}`
  if (!field.onCreate && !field.onUpdate && field.name !== 'Id')
    return `the user may not write \`${field.name}\``
  const pathProblem = findPathProblem(rule)
  if (pathProblem !== undefined) return `\`${name}\`: ${pathProblem}`
  const { column } = fieldSource(rule)
  if (column !== undefined && !columns.includes(column))
    return `the stream has no column \`${column}\`${suggest(column, columns)}`
  return undefined
}

function findPathProblem(rule: FieldRule): string | undefined {
  try {
    fieldSource(rule)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function suggest(name: string, names: readonly string[]): string {
  const near = nearestName(name, names)
  return near === undefined ? '' : ` (did you mean \`${near}\`?)`
}

/** The field that the rule names; else the only mapped external id; else the one of the stream's key. */
function keyFieldOf(
  { stream }: SinkStream,
  rule: WriteRule | undefined,
  { object, bound }: { readonly object: WritableObject; readonly bound: readonly MappedField[] },
): string | undefined {
  if (rule?.key !== undefined) return findFieldName(rule.key, object)
  const mapped = bound.filter(({ field }) => object.externalIds.includes(field.name))
  if (mapped.length === 1) return mapped[0]?.field.name
  const keys = new Set((stream.primary_key ?? []).flatMap(([column = '']) => column))
  const ofKey = mapped.filter(
    ({ source }) => source.column !== undefined && keys.has(source.column),
  )
  return ofKey.length === 1 ? ofKey[0]?.field.name : undefined
}

function noKey({ name, externalIds }: WritableObject): string {
  if (externalIds.length === 0)
    return `${name} has no external id: add a field of type "External ID" there, or set \`key: Id\` to change existing records alone`
  return `it is not clear by which field records are found: set \`key\` to one of ${externalIds.map((field) => `\`${field}\``).join(', ')}, and map it`
}
