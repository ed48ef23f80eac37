import { parseStreamLabel, streamKey, type StreamId } from '../../protocol/index.ts'
import type { StreamSelectionProblem } from './stream-problem.ts'
import type { StreamFields } from './stream-selection.ts'

/** A stream that cannot be read as it is selected, with its problems: at least one. */
export interface RefusedSelection {
  readonly stream: StreamId
  readonly problems: readonly StreamSelectionProblem[]
}

/**
 * The streams that a run leaves out because of problems, so that it reads the others. Undefined if none could
 * be read, or the selection as a whole is wrong: then the run is refused.
 */
export function refusedStreams({
  streams,
  problems,
}: {
  readonly streams: readonly unknown[]
  readonly problems: readonly StreamSelectionProblem[]
}): readonly RefusedSelection[] | undefined {
  if (problems.length === 0) return []
  const refused = new Map<string, { stream: StreamId; problems: StreamSelectionProblem[] }>()
  for (const problem of problems) {
    const { stream } = problem
    if (stream === undefined || streams.length === 0) return undefined
    const known = refused.get(streamKey(stream))
    if (known === undefined) refused.set(streamKey(stream), { stream, problems: [problem] })
    else known.problems.push(problem)
  }
  return [...refused.values()]
}

/** The most likely id of a stream that the source does not have: `public.orders` may also be a name alone. */
export function missingStreamId({ name, namespace }: StreamFields): StreamId {
  if (namespace !== undefined) return { namespace, name }
  const quoted = parseStreamLabel(name)
  if (quoted !== undefined) return quoted
  const [, schema, table] = /^([^.]+)\.(.+)$/s.exec(name) ?? []
  return schema === undefined || table === undefined ? { name } : { namespace: schema, name: table }
}
