import { createHash } from 'node:crypto'
import { streamIdOf, streamLabel } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'

/**
 * A hash of what of the source's catalog decides what a run does: streams, their columns with types, keys, cursors and modes.
 * The order of streams and columns, descriptions and the like do not count.
 */
export function catalogHash(streams: readonly SinkStream[]): string {
  const facts = streams.map(factsOf).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(canonicalJson(facts)).digest('hex')
}

function factsOf({ stream, columns, mode, metadata, deletes }: SinkStream): [string, object] {
  const { sync_mode, destination_sync_mode, cursor_field, primary_key } = stream
  const sorted = columns.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const read = { sync_mode, destination_sync_mode, cursor_field, primary_key }
  return [streamLabel(streamIdOf(stream.stream)), { read, mode, metadata, deletes, sorted }]
}

/** The same text for the same value, in whatever order its properties came. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
