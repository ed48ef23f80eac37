import { createHash } from 'node:crypto'
import {
  columnsOf,
  isJsonObject,
  type AirbyteStream,
  type Column,
  type ConfiguredAirbyteStream,
  type JsonObject,
} from '../../protocol/index.ts'
import { canonicalJson } from '../../lib/text/canonical-json.ts'
import { conditionColumns, type Condition } from '../../protocol/rules/condition.ts'
import { parseCondition } from '../../protocol/rules/parse-condition.ts'
import type { Mask, RecordRules, RuledColumn } from '../../protocol/rules/record-rules.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { isExclusion, unknownColumn, type ChosenColumns } from './chosen-columns.ts'
import type { StreamSelectionProblem } from './stream-problem.ts'
import type { MaskChoice } from './stream-rules-schema.ts'
import type { StreamFields } from './stream-selection.ts'
import type { SyncChoice } from './sync-choice.ts'

type Path = StreamSelectionProblem['path']

/** The columns of changes say which row a record is, and what happened to it: everything behind the source knows them by name. */
const cdcPrefix = '_ab_cdc_'

interface RuleRequest {
  readonly stream: AirbyteStream
  readonly fields: Partial<StreamFields>
  readonly chosen: ChosenColumns
  readonly sync: Pick<SyncChoice, 'syncMode' | 'mode' | 'cursorField' | 'primaryKey'>
  readonly path: Path
}

/** The rules of a stream; undefined if it has none. */
export function resolveRules(
  request: RuleRequest,
): RecordRules | undefined | { readonly problems: readonly StreamSelectionProblem[] } {
  const { stream, fields, chosen, path } = request
  const { columns, rename = {}, mask = {}, where } = fields
  const all = columnsOf(stream.json_schema)
  const condition = where === undefined ? undefined : parseCondition(where, all)
  const problems = [
    ...renameProblems(request),
    ...Object.keys(mask).flatMap((name) => maskProblems(name, request, all)),
    ...(condition !== undefined && 'problem' in condition
      ? [problemAt([...path, 'where'], condition.problem, condition.fix)]
      : []),
  ]
  if (problems.length > 0) return { problems }
  const hasRules =
    columns !== undefined ||
    where !== undefined ||
    Object.keys(rename).length + Object.keys(mask).length > 0
  if (!hasRules) return undefined
  const bound =
    condition !== undefined && 'condition' in condition ? condition.condition : undefined
  const ruled = all
    .filter(({ name }) => chosen.columns.includes(name))
    .map((column) => ruledColumn(column, { rename, mask }))
  return {
    columns: ruled,
    ...(bound !== undefined && { where: bound }),
    conditionSchemas: schemasFor(bound, stream, chosen),
    passesUndeclared: columns === undefined || isExclusion(columns),
    excluded: chosen.excluded,
  }
}

function ruledColumn(
  { name, kind }: Column,
  { rename, mask }: Required<Pick<StreamFields, 'rename' | 'mask'>>,
): RuledColumn {
  const choice = mask && Object.hasOwn(mask, name) ? mask[name] : undefined
  return {
    name,
    kind,
    newName: newNameOf(name, rename),
    ...(choice !== undefined && { mask: maskFor(choice) }),
  }
}

function newNameOf(name: string, rename: StreamFields['rename'] = {}): string {
  return (Object.hasOwn(rename, name) ? rename[name] : undefined) ?? name
}

function maskFor(choice: MaskChoice): Mask {
  if (choice === null || choice === 'null') return { as: 'null' }
  if (choice === 'hash') return { as: 'hash' }
  if ('constant' in choice) return { as: 'constant', text: choice.constant }
  return { as: 'keep_last', characters: choice.keep_last }
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

function renameProblems({ stream, fields, chosen, path }: RuleRequest): StreamSelectionProblem[] {
  const { rename } = fields
  if (rename === undefined) return []
  const known = columnsOf(stream.json_schema).map(({ name }) => name)
  const place = [...path, 'rename']
  return Object.entries(rename).flatMap(([name, newName]) => {
    const at = [...place, name]
    if (!known.includes(name)) return [unknownColumn(name, at, known)]
    if (!chosen.columns.includes(name)) return [leftOut(name, at)]
    if (name.startsWith(cdcPrefix) || newName.startsWith(cdcPrefix))
      return [
        problemAt(at, `names that begin with ${cdcPrefix} are those of changes`, 'Remove it.'),
      ]
    const other = chosen.columns.find(
      (column) => column !== name && newNameOf(column, rename) === newName,
    )
    if (other === undefined) return []
    const problem = `"${newName}" is the name of column "${other}" too`
    return [problemAt(at, problem, `Give one of them another name, or leave ${other} out.`)]
  })
}

function maskProblems(
  name: string,
  { fields, chosen, sync, path }: RuleRequest,
  all: readonly Column[],
): StreamSelectionProblem[] {
  const at = [...path, 'mask', name]
  const kind = all.find((column) => column.name === name)?.kind
  const choice = fields.mask?.[name]
  if (kind === undefined || choice === undefined)
    return [
      unknownColumn(
        name,
        at,
        all.map((column) => column.name),
      ),
    ]
  if (!chosen.columns.includes(name)) return [leftOut(name, at)]
  if (name.startsWith(cdcPrefix))
    return [problemAt(at, 'it says what happened to the record', 'Remove the mask.')]
  const { as } = maskFor(choice)
  const usesCursor = sync.syncMode === 'incremental' || sync.mode.endsWith('_dedup')
  if (usesCursor && sync.cursorField === name) {
    const problem = `"${name}" is the cursor: hidden values have no order, and its last one is in the checkpoints`
    return [problemAt(at, problem, 'Choose another `cursor_field`, or remove the mask.')]
  }
  if (sync.primaryKey.includes(name) && as !== 'hash') {
    const problem = `"${name}" belongs to the primary key: rows would not be distinguished any more`
    return [problemAt(at, problem, `Use \`${name}: hash\`: equal values have equal hashes.`)]
  }
  if (as === 'hash' && kind === 'json') {
    const problem = `a value of "${name}" is JSON, which can be written in many ways`
    return [problemAt(at, problem, 'Use `null`, or leave the column out.')]
  }
  if (as !== 'keep_last' || kind === 'string' || kind === 'integer') return []
  const problem = `"${name}" is neither a text nor a whole number`
  return [problemAt(at, problem, 'Use `null`, `hash` or `{ constant: … }`.')]
}

function leftOut(name: string, path: Path): StreamSelectionProblem {
  return problemAt(path, `"${name}" is left out by \`columns\``, 'Remove it here, or select it.')
}

function problemAt(path: Path, problem: string, fix: string): StreamSelectionProblem {
  return { code: 'stream_rule_invalid', path, at: 'value', problem, fix }
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

/** What a destination knows of the rules. */
export function ruleFacts({ where, columns }: RecordRules): NonNullable<SinkStream['rules']> {
  const masks = columns.flatMap(({ name, mask }) => (mask === undefined ? [] : [[name, mask]]))
  if (where === undefined && masks.length === 0) return { masked: [] }
  const text = canonicalJson({ where: where ?? null, masks })
  const masked = columns.filter(({ mask }) => mask !== undefined).map(({ newName }) => newName)
  return { mark: createHash('sha256').update(text).digest('hex').slice(0, 16), masked }
}
