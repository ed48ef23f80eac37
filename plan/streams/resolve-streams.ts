import {
  columnsOf,
  streamIdOf,
  streamLabel,
  type AirbyteCatalog,
  type AirbyteStream,
} from '../../protocol/index.ts'
import type { RunPlan } from '../../engine/run-types.ts'
import { functionNameOf } from '../../lib/net/function-address.ts'
import { chooseColumns } from './chosen-columns.ts'
import { findStream, withoutTwins } from './find-stream.ts'
import { missingStreamId } from './refused-streams.ts'
import { resolveRules, ruledStream, ruleFacts } from './resolve-rules.ts'
import { sourceDefinitions, withoutDefinitions } from './source-definitions.ts'
import { sinkColumn, type RecordRules } from '../../protocol/rules/record-rules.ts'
import type { StreamSelectionProblem } from './stream-problem.ts'
import type { StreamFields, StreamSelection } from './stream-selection.ts'
import { chooseSync, type BoundStream, type SyncChoice } from './sync-choice.ts'

type PlannedStream = RunPlan['streams'][number]

export interface ResolvedStreams {
  readonly streams: readonly PlannedStream[]
  readonly problems: readonly StreamSelectionProblem[]
  /** Notes for the user: streams for which the defaults are not possible. */
  readonly notes: readonly string[]
}

interface Findings {
  readonly problems: StreamSelectionProblem[]
  readonly notes: string[]
}

/** Binds the selected streams to those of the source and decides how each is read and loaded. Pure. */
export function resolveStreams(
  catalog: AirbyteCatalog,
  selection: StreamSelection,
): ResolvedStreams {
  const problems: StreamSelectionProblem[] = []
  const notes: string[] = []
  const bound = bindStreams(catalog, selection.streams, { problems, notes })
  const streams = bound.flatMap((boundStream) => {
    const sink = sinkStreamOf(boundStream, selection, { problems, notes })
    return sink === undefined ? [] : [sink]
  })
  const { deletes } = selection
  if (deletes !== undefined) notes.push(...unseenDeletes(streams, deletes))
  return { streams, problems, notes }
}

/** A stream that shows deleted rows has a column for the time of the deletion. */
const deletedAtField = '_ab_cdc_deleted_at'
const namedStreams = 3

/** The option needs something that no stream, or not every stream, can do. */
function unseenDeletes(
  streams: readonly PlannedStream[],
  deletes: NonNullable<StreamSelection['deletes']>,
): readonly string[] {
  const unseen = streams.filter(
    ({ columns }) => !columns.some(({ name }) => name === deletedAtField),
  )
  if (unseen.length === 0) return []
  const names = unseen.slice(0, namedStreams).map(({ stream }) => streamLabel(stream.stream))
  const left = unseen.length - names.length
  const some = left > 0 ? `${names.join(', ')} and ${String(left)} more` : names.join(', ')
  const whose = unseen.length === streams.length ? 'any stream' : some
  return [
    `deletes: ${deletes} has no effect on ${whose}: the source does not show which rows were deleted. To remove deleted rows from a table, load it with overwrite or overwrite_dedup.`,
  ]
}

type SelectedStream = Omit<BoundStream, 'columns'>

function bindStreams(
  catalog: AirbyteCatalog,
  wanted: StreamSelection['streams'],
  { problems, notes }: Findings,
): readonly SelectedStream[] {
  if (wanted === 'all') {
    if (catalog.streams.length === 0) problems.push(emptySource())
    const streams = withoutTwins(catalog.streams)
    for (const stream of catalog.streams)
      if (!streams.includes(stream))
        notes.push(`${streamLabel(stream)}: the source lists it twice, the first one is read`)
    return streams.map((stream) => ({ stream, fields: {}, path: ['streams'] }))
  }
  const seen = new Map<AirbyteStream, number>()
  return wanted.flatMap((item, index) => {
    const fields: StreamFields = typeof item === 'string' ? { name: item } : item
    const path = ['streams', index]
    const namePath = typeof item === 'string' ? path : [...path, 'name']
    const match = findStream(catalog, fields)
    if ('problem' in match) {
      const id = missingStreamId(fields)
      problems.push({ code: 'stream_not_found', path: namePath, at: 'value', ...match, stream: id })
      return []
    }
    const before = seen.get(match.stream)
    if (before !== undefined) {
      const problem = `the stream ${streamLabel(match.stream)} is listed twice (also streams[${String(before)}])`
      problems.push({
        code: 'stream_listed_twice',
        path: namePath,
        at: 'value',
        problem,
        fix: 'Keep one of the two.',
      })
      return []
    }
    seen.set(match.stream, index)
    return [{ stream: match.stream, fields, path }]
  })
}

function sinkStreamOf(
  selected: SelectedStream,
  selection: StreamSelection,
  findings: Findings,
): PlannedStream | undefined {
  const { stream, fields, path } = selected
  const chosen = chooseColumns(stream, fields, path)
  const bound: BoundStream = { ...selected, columns: chosen.columns }
  const choice = chosen.problems.length > 0 ? chosen : chooseSync(bound, selection)
  if ('problems' in choice) {
    findings.problems.push(...ofStream(stream, choice.problems))
    return undefined
  }
  const rules = resolveRules({ stream, fields, chosen, sync: choice, path })
  if (rules !== undefined && 'problems' in rules) {
    findings.problems.push(...ofStream(stream, rules.problems))
    return undefined
  }
  if (choice.note !== undefined) findings.notes.push(`${streamLabel(stream)}: ${choice.note}`)
  const source = configuredStream(bound, choice, selection.table)
  const { mode, isDefaultMode } = choice
  const loaded = loadedStream(source, rules)
  const transform = functionNameOf(fields.transform ?? '')
  return {
    connection: selection.connection,
    ...loaded,
    mode,
    ...(isDefaultMode && { isDefaultMode }),
    metadata: metadataOf(selection.metadata, { mode, columns: loaded.columns }),
    deletes: selection.deletes ?? 'hard',
    ...(selection.types === 'portable' && { types: selection.types }),
    ...sourceDefinitions(stream, fields.with ?? selection.with, {
      rules,
      isTransformed: transform !== undefined,
    }),
    ...(transform !== undefined && { transform }),
  }
}

function ofStream(
  stream: AirbyteStream,
  problems: readonly StreamSelectionProblem[],
): readonly StreamSelectionProblem[] {
  return problems.map((problem) => ({ ...problem, stream: streamIdOf(stream) }))
}

/** The stream with the destination's names, and how it comes to that. */
function loadedStream(
  source: PlannedStream['stream'],
  rules: RecordRules | undefined,
): Pick<PlannedStream, 'stream' | 'columns' | 'source' | 'rules'> {
  if (rules === undefined) return { stream: source, columns: columnsOf(source.stream.json_schema) }
  return {
    stream: ruledStream(source, rules),
    columns: rules.columns.map(sinkColumn),
    source: { stream: source, rules },
    rules: ruleFacts(rules, source.stream),
  }
}

/** The stream with the source's names. */
function configuredStream(
  { stream, fields, columns }: BoundStream,
  { syncMode, mode, cursorField, primaryKey }: SyncChoice,
  tables: StreamSelection['table'],
): PlannedStream['stream'] {
  const json_schema = selectedSchema(stream.json_schema, columns)
  const table = fields.table ?? (tables && tableOf(tables, stream))
  return {
    stream: { ...withoutDefinitions(stream), json_schema },
    sync_mode: syncMode,
    // The protocol has no overwrite_dedup: the engine takes this mode from the sink stream.
    destination_sync_mode: mode === 'overwrite_dedup' ? 'overwrite' : mode,
    ...(cursorField !== undefined && { cursor_field: [cursorField] }),
    ...(primaryKey.length > 0 && { primary_key: primaryKey.map((column) => [column]) }),
    ...(table !== undefined && { destination_object_name: table }),
  }
}

/** The placeholders of a pattern of tables, with the values of the stream. */
function tableOf(pattern: string, { name, namespace = '' }: AirbyteStream): string {
  return pattern.replaceAll(/\{(stream|namespace)\}/g, (_, part) =>
    part === 'stream' ? name : namespace,
  )
}

/**
 * If versions of a row are distinguished by their time, the metadata is at least `minimal`. The same holds
 * for a table that has no other column.
 */
function metadataOf(
  wanted: StreamSelection['metadata'],
  { mode, columns }: Pick<PlannedStream, 'mode' | 'columns'>,
): StreamSelection['metadata'] {
  const needsTime = mode === 'append_dedup' || mode === 'overwrite_dedup' || columns.length === 0
  return wanted === 'none' && needsTime ? 'minimal' : wanted
}

/** The schema with the chosen columns only, in the source's order. */
function selectedSchema(
  schema: AirbyteStream['json_schema'],
  columns: readonly string[],
): AirbyteStream['json_schema'] {
  const all = Object.entries(schema.properties ?? {})
  const properties = all.filter(([name]) => columns.includes(name))
  if (properties.length === all.length) return schema
  const { required, ...rest } = schema
  return {
    ...rest,
    properties: Object.fromEntries(properties),
    ...(Array.isArray(required) && {
      required: required.filter((name) => columns.some((column) => column === name)),
    }),
  }
}

function emptySource(): StreamSelectionProblem {
  const fix =
    'Check that the user of the source may read its tables, and that the configuration names the right database or schemas.'
  return {
    code: 'stream_not_found',
    path: ['streams'],
    at: 'value',
    problem: 'the source has no streams',
    fix,
  }
}
