import { ConnectError, type NamedStream } from '../../protocol/index.ts'
import { findAmong } from './find-stream.ts'

/**
 * The named streams of the connection, each by `namespace.name` or by name alone. Throws `stream_not_found`.
 */
export function namedStreams<Stream extends NamedStream>(
  connection: string,
  streams: readonly Stream[],
  names: readonly string[],
): readonly Stream[] {
  const named = names.map((name) => {
    const match = findAmong(streams, { name }, 'the connection')
    if ('stream' in match) return match.stream
    const details = { place: `connection ${connection}`, field: 'streams', ...match }
    throw new ConnectError('stream_not_found', { details })
  })
  return [...new Set(named)]
}
