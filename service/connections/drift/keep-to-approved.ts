import {
  isJsonList,
  absentMark,
  columnsOf,
  ConnectError,
  streamIdOf,
  streamKey,
  streamLabel,
  type AirbyteCatalog,
  type AirbyteStream,
  type ColumnKind,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import type { PlannedStream } from '../../../engine/run-types.ts'
import type { ResolvedStreams } from '../../../plan/streams/resolve-streams.ts'
import type { RunnableStreams } from '../connection-streams.ts'
import type { Connection } from '../schema.ts'
import { catalogFingerprint } from '../../schema-changes/catalog-shape.ts'

/**
 * The catalog that a run reads if it ignores drift. It has each approved stream that still exists, with the
 * approved columns and their approved types, its key and its cursor. A column that is gone stays declared,
 * and is NULL. Pure.
 */
export function keepToApproved(approved: AirbyteCatalog, seen: AirbyteCatalog): AirbyteCatalog {
  const now = byKey(seen)
  return {
    streams: approved.streams.flatMap((stream) => {
      const live = now.get(streamKey(stream))
      return live === undefined ? [] : [keepStreamToApproved(stream, live)]
    }),
  }
}

function byKey({ streams }: AirbyteCatalog): ReadonlyMap<string, AirbyteStream> {
  return new Map(streams.map((stream) => [streamKey(stream), stream]))
}

function keepStreamToApproved(approved: AirbyteStream, live: AirbyteStream): AirbyteStream {
  if (catalogFingerprint({ streams: [approved] }) === catalogFingerprint({ streams: [live] }))
    return live
  const present = propertiesOf(live)
  const properties = Object.entries(propertiesOf(approved)).map(([name, schema]) => {
    const isThere = Object.hasOwn(present, name)
    return [name, isThere ? schema : { ...objectOf(schema), [absentMark]: true }] as const
  })
  return {
    ...approved,
    json_schema: { ...approved.json_schema, properties: Object.fromEntries(properties) },
    is_resumable: live.is_resumable,
    is_cursor_ordered: live.is_cursor_ordered,
    source_columns: live.source_columns,
  }
}

/**
 * Throws if the approved schema of a stream cannot be kept to: the key or the cursor is gone, the source no
 * longer guarantees that the key is unique, values of its new type would be NULL, which would merge many rows
 * into one, or the source can no longer read the stream in that mode.
 */
export function requireReadable(
  connection: Pick<Connection, 'name'>,
  { streams }: ResolvedStreams,
  seen: AirbyteCatalog,
): void {
  const now = byKey(seen)
  for (const sink of streams) {
    const error = unreadable(connection, sink, now)
    if (error !== undefined) throw error
  }
}

/** The same for a run: it refuses these streams, and throws only if it could read none. */
export function leaveUnreadable(
  connection: Pick<Connection, 'name'>,
  runnable: RunnableStreams,
  seen: AirbyteCatalog,
): RunnableStreams {
  const now = byKey(seen)
  const judged = runnable.streams.map((sink) => {
    return { sink, error: unreadable(connection, sink, now) }
  })
  const first = judged[0]?.error
  if (first !== undefined && judged.every(({ error }) => error !== undefined)) throw first
  const refused = judged.flatMap(({ sink, error }) =>
    error === undefined ? [] : [{ stream: streamIdOf(sink.stream.stream), error: error.toJSON() }],
  )
  return {
    ...runnable,
    streams: judged.flatMap(({ sink, error }) => (error === undefined ? [sink] : [])),
    refused: [...runnable.refused, ...refused],
  }
}

function unreadable(
  { name: connection }: Pick<Connection, 'name'>,
  sink: PlannedStream,
  now: ReadonlyMap<string, AirbyteStream>,
): ConnectError | undefined {
  const { stream, sync_mode: mode, cursor_field, primary_key } = sourceStream(sink)
  const live = now.get(streamKey(stream))
  const place = { place: `connection ${connection}`, field: `stream ${streamLabel(stream)}` }
  const fix = approveFix(connection)
  if (live !== undefined && !live.supported_sync_modes.includes(mode)) {
    const problem = `the source can no longer read it in the approved mode, ${mode}`
    return new ConnectError('stream_mode_unsupported', { details: { ...place, problem, fix } })
  }
  const needed = [...(cursor_field ?? []).slice(0, 1), ...(primary_key ?? []).flat()]
  const properties = propertiesOf(stream)
  const gone = needed.find((column) => isAbsent(properties[column]))
  if (gone !== undefined) {
    const problem = `the column "${gone}" is gone from the source, and it is the cursor or belongs to the primary key`
    return new ConnectError('stream_column_not_found', { details: { ...place, problem, fix } })
  }
  const unheld = live && (findLoosenedKey(sink, live) ?? findUnheldColumn(sink, needed, live))
  if (unheld === undefined) return undefined
  const details = { ...place, problem: unheld, fix }
  return new ConnectError('stream_mode_unsupported', { details })
}

/** With the source's names. */
function sourceStream({ source, stream }: PlannedStream): PlannedStream['stream'] {
  return source?.stream ?? stream
}

/**
 * The source now has another key, which allows several rows with the approved one: a merge would keep only
 * one of them.
 */
function findLoosenedKey(sink: PlannedStream, live: AirbyteStream): string | undefined {
  const { mode } = sink
  const { stream, primary_key: used = [] } = sourceStream(sink)
  const [approved, now] = [stream, live].map(
    ({ source_defined_primary_key: key = [] }) => new Set(key.map(pathKey)),
  )
  const chosen = new Set(used.map(pathKey))
  if (!mode.endsWith('_dedup') || approved === undefined || now === undefined) return undefined
  const isOfSource = approved.size > 0 && [...approved].every((path) => chosen.has(path))
  const isUnique = now.size > 0 && [...now].every((path) => chosen.has(path))
  if (!isOfSource || isUnique) return undefined
  const present =
    now.size === 0 ? 'has no primary key now' : `has the primary key ${keyText(live)} now`
  return `the source ${present}, ${keyText(stream)} was approved, and rows are merged by it in mode ${mode}: rows that share it would become one`
}

function pathKey(path: readonly string[]): string {
  return JSON.stringify(path)
}

function keyText({ source_defined_primary_key: key = [] }: AirbyteStream): string {
  return `(${key.map((path) => path.join('.')).join(', ')})`
}

/**
 * The key identifies rows, and the cursor decides which one is the newest: a value of either that the
 * approved type cannot hold must not become NULL.
 */
function findUnheldColumn(
  sink: PlannedStream,
  needed: readonly string[],
  live: AirbyteStream,
): string | undefined {
  const { mode } = sink
  if (!mode.endsWith('_dedup')) return undefined
  const columns = columnsOf(sourceStream(sink).stream.json_schema)
  const now = new Map(columnsOf(live.json_schema).map(({ name, kind }) => [name, kind]))
  for (const { name, kind } of columns) {
    const other = now.get(name)
    if (other === undefined || !needed.includes(name) || holds(kind, other)) continue
    return `the column "${name}" is ${other} at the source now, was approved as ${kind}, and rows are merged by it in mode ${mode}`
  }
  return undefined
}

function holds(approved: ColumnKind, live: ColumnKind): boolean {
  const isNumber = live === 'integer' || live === 'double'
  return (
    approved === live ||
    approved === 'string' ||
    approved === 'json' ||
    (approved === 'number' && isNumber)
  )
}

function approveFix(connection: string): string {
  return `Bring it back at the source, or look at the change with \`reactor connect connections drift ${connection}\` and approve it.`
}

function propertiesOf({ json_schema: schema }: AirbyteStream): JsonObject {
  return objectOf(schema.properties)
}

function isAbsent(schema: JsonValue | undefined): boolean {
  return objectOf(schema)[absentMark] === true
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !isJsonList(value) ? value : {}
}
