import type { RefusedStream } from '../../engine/run-types.ts'
import { ConnectError, streamIdOf, streamLabel, type AirbyteCatalog } from '../../protocol/index.ts'
import type { Connection, StreamBinding } from './schema.ts'
import type { InstanceService } from '../instances/contract.ts'
import { matchingStreams } from '../../plan/streams/find-stream.ts'
import { refusedStreams } from '../../plan/streams/refused-streams.ts'
import { resolveStreams, type ResolvedStreams } from '../../plan/streams/resolve-streams.ts'
import type { StreamSelectionProblem } from '../../plan/streams/stream-problem.ts'
import type { StreamFields } from '../../plan/streams/stream-selection.ts'
import { kindAt } from '../../sinks/registry.ts'

/** The stream settings of a connection, and where they go. */
export type StreamChoice = Pick<Connection, 'name' | 'from' | 'streams' | 'options' | 'destination'>

/**
 * The connection's streams as they are to be read and loaded, and the catalog that they were found in. A
 * cached discovery is trusted for what it has; before something is refused, the source is queried again.
 * Throws the first problem (`stream_not_found`, …) and what `discover` throws.
 */
export async function connectionStreams(
  connection: StreamChoice,
  instances: Pick<InstanceService, 'discover'>,
  { refresh }: { readonly refresh: boolean },
): Promise<ResolvedStreams & { readonly catalog: AirbyteCatalog }> {
  const { catalog, fromCache } = await instances.discover(connection.from, { refresh })
  const resolved = resolveStreams(catalog, selectionOf(connection))
  if (resolved.problems.length === 0) return { ...resolved, catalog }
  if (fromCache) return connectionStreams(connection, instances, { refresh: true })
  throw streamsError(connection.name, resolved.problems)
}

/** The same for given catalogs: the streams are those of `catalog`, problems are explained with `all`. */
export function streamsIn(
  catalog: AirbyteCatalog,
  connection: StreamChoice,
  all: AirbyteCatalog,
): ResolvedStreams {
  const resolved = resolveStreams(catalog, selectionOf(connection))
  if (resolved.problems.length === 0) return resolved
  throw streamsError(connection.name, explained(resolved.problems, connection, all))
}

/** The streams that a run reads, and those that it leaves out because of what the source has now. */
export interface RunnableStreams extends ResolvedStreams {
  readonly refused: readonly RefusedStream[]
}

/** As `streamsIn`, but throws only if none of the streams can be read. */
export function runnableStreams(
  catalog: AirbyteCatalog,
  connection: StreamChoice,
  { all, approved }: { readonly all: AirbyteCatalog; readonly approved: AirbyteCatalog },
): RunnableStreams {
  const resolved = resolveStreams(catalog, selectionOf(connection))
  const problems = explained(resolved.problems, connection, all)
  const known = problems.map((problem) => approvedAs(problem, connection, approved))
  const refused = refusedStreams({ streams: resolved.streams, problems: known })
  if (refused === undefined) throw streamsError(connection.name, problems)
  return {
    ...resolved,
    refused: refused.map(({ stream, problems: own }) => {
      return { stream, error: streamsError(connection.name, own).toJSON() }
    }),
  }
}

/** The problems in terms of all that the source has: near names, and streams that a name could mean. */
function explained(
  problems: readonly StreamSelectionProblem[],
  connection: StreamChoice,
  all: AirbyteCatalog,
): readonly StreamSelectionProblem[] {
  if (problems.length === 0) return []
  const { problems: inAll } = resolveStreams(all, selectionOf(connection))
  const indexes = [...new Set(problems.map(({ path: [, index] }) => index))]
  return indexes.flatMap((index) => {
    const isOfStream = ({ path }: StreamSelectionProblem): boolean => path[1] === index
    const same = inAll.filter(isOfStream)
    if (same.length > 0) return same
    return problems.filter(isOfStream).map((problem) => {
      return problem.code === 'stream_not_found' ? replacedBy(problem, connection, all) : problem
    })
  })
}

/** A stream that is gone, by the id that it was approved with: a name may lack its namespace. */
function approvedAs(
  problem: StreamSelectionProblem,
  { streams }: StreamChoice,
  approved: AirbyteCatalog,
): StreamSelectionProblem {
  const [, index] = problem.path
  const binding = typeof index === 'number' ? streams?.[index] : undefined
  if (problem.code !== 'stream_not_found' || binding === undefined) return problem
  const [stream] = matchingStreams(approved.streams, binding)
  return stream === undefined ? problem : { ...problem, stream: streamIdOf(stream) }
}

/** The approved stream is gone, and the source has another one that the name could mean. */
function replacedBy(
  problem: StreamSelectionProblem,
  { name, streams }: StreamChoice,
  all: AirbyteCatalog,
): StreamSelectionProblem {
  const [, index] = problem.path
  const binding = typeof index === 'number' ? streams?.[index] : undefined
  const [other] = binding === undefined ? [] : matchingStreams(all.streams, binding)
  if (binding === undefined || other === undefined) return problem
  return {
    ...problem,
    problem: `the stream that was approved as "${binding.name}" is gone`,
    fix: `To read \`${streamLabel(other)}\` instead, write that in place of \`${binding.name}\` in the streams of the connection: \`reactor connect connections update ${name} --streams\`.`,
  }
}

function selectionOf({
  name,
  streams,
  options,
  destination,
}: StreamChoice): Parameters<typeof resolveStreams>[1] {
  return {
    connection: name,
    modes: kindAt(destination)?.capabilities.modes,
    streams: streams === null ? 'all' : streams.map(fieldsOf),
    defaults: { cursor_field: options.cursorField },
    table: options.table,
    metadata: options.metadata ?? 'full',
    types: options.types,
    with: options.with,
    deletes: options.deletes,
  }
}

function fieldsOf(binding: StreamBinding): StreamFields {
  const { syncMode, destinationSyncMode, cursorField, primaryKey, ...others } = binding
  return {
    ...others,
    sync_mode: syncMode,
    destination_sync_mode: destinationSyncMode,
    cursor_field: cursorField,
    primary_key: primaryKey,
  }
}

/** The first problem in full, the others in `details.more`. */
function streamsError(
  connection: string,
  problems: readonly StreamSelectionProblem[],
): ConnectError {
  const [first, ...others] = problems
  if (first === undefined) throw new TypeError('an error without a problem')
  const { code, problem, fix } = first
  const more = others.map((other) => `${fieldName(other.path)}: ${other.problem}. ${other.fix}`)
  return new ConnectError(code, {
    details: {
      place: `connection ${connection}`,
      field: fieldName(first.path),
      problem,
      fix,
      ...(more.length > 0 && { more }),
    },
  })
}

/** `streams[1].cursor_field` */
function fieldName(path: StreamSelectionProblem['path']): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${String(part)}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
}
