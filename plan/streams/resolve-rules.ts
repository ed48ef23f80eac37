import { createHash } from 'node:crypto'
import {
  columnsOf,
  isJsonObject,
  own,
  type AirbyteStream,
  type Column,
  type ConfiguredAirbyteStream,
  type JsonObject,
} from '../../protocol/index.ts'
import { canonicalJson } from '../../lib/text/canonical-json.ts'
import { conditionColumns, type Condition } from '../../protocol/rules/condition.ts'
import { parseCondition } from '../../protocol/rules/parse-condition.ts'
import type { RecordRules, RuledColumn } from '../../protocol/rules/record-rules.ts'
import type { NumberedColumns, SinkStream } from '../../sinks/sink.ts'
import { isExclusion, namedColumns, type ChosenColumns } from './chosen-columns.ts'
import {
  maskFor,
  maskProblems,
  newNameOf,
  renameProblems,
  ruleProblem,
  type RuleRequest,
} from './rule-problems.ts'
import type { StreamSelectionProblem } from './stream-problem.ts'
import type { StreamFields } from './stream-selection.ts'

/** The rules of a stream; undefined if it has none. */
export function resolveRules(
  request: RuleRequest,
): RecordRules | undefined | { readonly problems: readonly StreamSelectionProblem[] } {
  const { stream, fields, chosen, path } = request
  const all = columnsOf(stream.json_schema)
  const { where } = fields
  const present = namedColumns(stream)
  const parsed =
    where === undefined
      ? { condition: undefined }
      : parseCondition(
          where,
          all.filter(({ name }) => present.includes(name)),
        )
  const problems = [...renameProblems(request), ...maskProblems(request)]
  if ('problem' in parsed) {
    problems.push(ruleProblem([...path, 'where'], parsed.problem, parsed.fix))
    return { problems }
  }
  if (problems.length > 0) return { problems }
  if (!hasRules(fields)) return undefined
  const { condition } = parsed
  return {
    columns: all
      .filter(({ name }) => chosen.columns.includes(name))
      .map((column) => ruledColumn(column, fields)),
    ...(condition !== undefined && { where: condition }),
    conditionSchemas: schemasFor(condition, stream, chosen),
    passesUndeclared: fields.columns === undefined || isExclusion(fields.columns),
    excluded: chosen.excluded,
  }
}

function hasRules({ columns, where, rename = {}, mask = {} }: Partial<StreamFields>): boolean {
  const isChosen = columns !== undefined || where !== undefined
  return isChosen || Object.keys(rename).length + Object.keys(mask).length > 0
}

function ruledColumn(
  { name, kind, postgres_type }: Column,
  { rename, mask = {} }: Partial<StreamFields>,
): RuledColumn {
  const choice = own(mask, name)
  return {
    name,
    kind,
    ...(postgres_type !== undefined && { postgres_type }),
    newName: newNameOf(name, rename),
    ...(choice !== undefined && { mask: maskFor(choice) }),
  }
}

/** Columns that the condition needs and that are not selected. */
function schemasFor(
  condition: Condition | undefined,
  { json_schema: schema }: AirbyteStream,
  { columns }: ChosenColumns,
): JsonObject {
  if (condition === undefined) return {}
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  const hidden = conditionColumns(condition)
    .map(({ name }) => name)
    .filter((name) => !columns.includes(name))
  return Object.fromEntries(hidden.map((name) => [name, properties[name] ?? {}]))
}

/** The stream as the destination has it: names and masks. */
export function ruledStream(
  configured: ConfiguredAirbyteStream,
  { columns }: RecordRules,
): ConfiguredAirbyteStream {
  const { stream, cursor_field: cursor, primary_key: key } = configured
  const names = new Map(columns.map(({ name, newName }) => [name, newName]))
  const renamed = (path: readonly string[]): string[] =>
    path.map((part, index) => (index === 0 ? (names.get(part) ?? part) : part))
  const { source_defined_primary_key: sourceKey, default_cursor_field: sourceCursor } = stream
  return {
    ...configured,
    stream: {
      ...stream,
      json_schema: ruledSchema(stream.json_schema, columns),
      ...(sourceKey !== undefined && { source_defined_primary_key: sourceKey.map(renamed) }),
      ...(sourceCursor !== undefined && { default_cursor_field: renamed(sourceCursor) }),
    },
    ...(cursor !== undefined && { cursor_field: renamed(cursor) }),
    ...(key !== undefined && { primary_key: key.map(renamed) }),
  }
}

function ruledSchema(
  schema: AirbyteStream['json_schema'],
  columns: readonly RuledColumn[],
): AirbyteStream['json_schema'] {
  const { properties: declared, required, ...rest } = schema
  const properties = isJsonObject(declared) ? declared : {}
  const shown = columns.map(({ name, newName, mask }) => {
    const isText = mask !== undefined && mask.as !== 'null'
    return [newName, isText ? { type: ['null', 'string'] } : (properties[name] ?? {})] as const
  })
  const kept = columns.filter(
    ({ name, mask }) =>
      mask === undefined && Array.isArray(required) && required.some((other) => other === name),
  )
  return {
    ...rest,
    properties: Object.fromEntries(shown),
    ...(Array.isArray(required) && { required: kept.map(({ newName }) => newName) }),
  }
}

/** The facts that a destination gets about the rules of a stream of the source. */
export function ruleFacts(
  rules: RecordRules,
  { source_columns: known }: AirbyteStream,
): NonNullable<SinkStream['rules']> {
  const numbered = known && { numbered: numberedBy(rules, known) }
  return { ...markOf(rules), ...numbered }
}

function numberedBy(
  { columns, where }: RecordRules,
  { table, numbers }: NonNullable<AirbyteStream['source_columns']>,
): NumberedColumns {
  const clear = new Set(columns.flatMap(({ name, mask }) => (mask === undefined ? [name] : [])))
  return {
    table,
    shown: numbers.filter(([name]) => clear.has(name)),
    hidden: numbers.filter(([name]) => !clear.has(name)),
    compared: where === undefined ? [] : conditionColumns(where).map(({ name }) => name),
  }
}

function markOf(rules: RecordRules): NonNullable<SinkStream['rules']> {
  const { where, columns } = rules
  const masks = columns.flatMap(({ name, mask }) => (mask === undefined ? [] : [[name, mask]]))
  const renamed = hidesColumns(rules)
    ? columns.filter(({ name, newName }) => name !== newName).map(({ newName }) => newName)
    : []
  const names = { ...(renamed.length > 0 && { renamed }) }
  if (where === undefined && masks.length === 0) return { masked: [], ...names }
  const text = canonicalJson({ where: where ?? null, masks })
  const masked = columns.filter(({ mask }) => mask !== undefined).map(({ newName }) => newName)
  return { mark: createHash('sha256').update(text).digest('hex').slice(0, 16), masked, ...names }
}

function hidesColumns({ columns, passesUndeclared, excluded }: RecordRules): boolean {
  const isMasked = columns.some(({ mask }) => mask !== undefined)
  return isMasked || !passesUndeclared || excluded.length > 0
}
