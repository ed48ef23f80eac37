import type { RunPlan } from '../../engine/run-types.ts'
import { streamIdOf, streamKey } from '../../protocol/index.ts'
import { namedStreams } from './named-streams.ts'

/** The plan with only the named streams. Throws `stream_not_found`. */
export function selectStreams<Plan extends Pick<RunPlan, 'connection' | 'streams' | 'refused'>>(
  plan: Plan,
  names: readonly string[],
): Plan {
  const { connection, streams, refused = [] } = plan
  const known = [
    ...streams.map(({ stream }) => streamIdOf(stream.stream)),
    ...refused.map(({ stream }) => stream),
  ]
  const wanted = new Set(namedStreams(connection, known, names).map(streamKey))
  return {
    ...plan,
    streams: streams.filter(({ stream }) => wanted.has(streamKey(streamIdOf(stream.stream)))),
    refused: refused.filter(({ stream }) => wanted.has(streamKey(stream))),
  }
}
