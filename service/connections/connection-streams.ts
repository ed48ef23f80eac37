import { ConnectError, streamLabel, type AirbyteCatalog } from '../../protocol/index.ts'
import type { Connection, StreamBinding } from './schema.ts'
import type { InstanceService } from '../instances/contract.ts'
import { matchingStreams } from './find-stream.ts'
import { resolveStreams, type ResolvedStreams } from './resolve-streams.ts'
import type { StreamSelectionProblem } from './stream-problem.ts'
import type { StreamFields } from './stream-selection.ts'

/** The stream settings of a connection. */
export type StreamChoice = Pick<Connection, 'name' | 'from' | 'streams' | 'options'>

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
  const { problems } = resolveStreams(all, selectionOf(connection))
  if (problems.length > 0) throw streamsError(connection.name, problems)
  const replaced = resolved.problems.map((problem) => replacedBy(problem, connection, all))
  throw streamsError(connection.name, replaced)
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
}: StreamChoice): Parameters<typeof resolveStreams>[1] {
  return {
    connection: name,
    streams: streams === null ? 'all' : streams.map(fieldsOf),
    defaults: { cursor_field: options.cursorField },
    table: options.table,
    metadata: options.metadata ?? 'full',
    types: options.types,
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
