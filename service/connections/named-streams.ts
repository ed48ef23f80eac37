import { ConnectError, streamIdOf, streamLabel } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'

/** Those of the connection's streams that are named, by `namespace.name` or by name alone. Throws `stream_not_found`. */
export function namedStreams(
  connection: string,
  streams: readonly SinkStream[],
  names: readonly string[],
): readonly SinkStream[] {
  const known = streams.map((sink) => ({ sink, id: streamIdOf(sink.stream.stream) }))
  const named = names.map((name) => {
    const found =
      known.find(({ id }) => streamLabel(id) === name) ?? known.find(({ id }) => id.name === name)
    if (found !== undefined) return found.sink
    const labels = known.map(({ id }) => streamLabel(id))
    throw new ConnectError('stream_not_found', {
      details: {
        place: `connection ${connection}`,
        field: 'streams',
        problem: `the connection has no stream "${name}"`,
        fix: `It has: ${labels.slice(0, 20).join(', ')}.`,
      },
    })
  })
  return [...new Set(named)]
}
