import { ConnectError, streamIdOf } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { findAmong } from './find-stream.ts'

/** The named streams of the connection, each by `namespace.name` or by name alone. Throws `stream_not_found`. */
export function namedStreams(
  connection: string,
  streams: readonly SinkStream[],
  names: readonly string[],
): readonly SinkStream[] {
  const known = streams.map((sink) => ({ sink, ...streamIdOf(sink.stream.stream) }))
  const named = names.map((name) => {
    const match = findAmong(known, { name }, 'the connection')
    if ('stream' in match) return match.stream.sink
    const details = { place: `connection ${connection}`, field: 'streams', ...match }
    throw new ConnectError('stream_not_found', { details })
  })
  return [...new Set(named)]
}
