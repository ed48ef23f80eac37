import { streamKey } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { canonicalHash } from './canonical-hash.ts'

/**
 * A hash of the parts of the source's catalog that decide what a run does: streams, their columns with types,
 * keys, cursors and modes. The order of streams and columns, descriptions and the like do not count. Another
 * content needs another `bindingFormat`.
 */
export function catalogHash(streams: readonly SinkStream[]): string {
  return canonicalHash(streams.map(factsOf).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function factsOf({ stream, columns, mode, metadata, deletes }: SinkStream): [string, object] {
  const { sync_mode, destination_sync_mode, cursor_field, primary_key } = stream
  const sorted = columns.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const read = { sync_mode, destination_sync_mode, cursor_field, primary_key }
  return [streamKey(stream.stream), { read, mode, metadata, deletes, sorted }]
}
