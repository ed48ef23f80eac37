import type { Logger } from 'pino'
import { streamKey, streamLabel } from '../../protocol/index.ts'
import type { Destination } from '../../sinks/sink.ts'
import type { RunPlan } from '../run-types.ts'

/** A run of all streams leaves out a stream that the source does not show any more: a warning for each that it loaded before, which is logged. */
export async function unseenStreams(
  destination: Pick<Destination, 'loadedStreams'>,
  { connection, shown }: Pick<RunPlan, 'connection' | 'shown'>,
  logger: Logger,
): Promise<readonly string[]> {
  if (shown === undefined) return []
  const there = new Set(shown.map(streamKey))
  const loaded = await destination.loadedStreams(connection)
  const warnings = loaded
    .filter(({ stream }) => !there.has(streamKey(stream)))
    .map(
      ({ stream, table }) =>
        `The source does not show stream ${streamLabel(stream)} any more, which this connection loaded before: it was not read, and ${table} keeps its old rows. Create it again at the source, or let the user of the source read it (GRANT SELECT, in a database). If it is gone for good, drop ${table} at the destination.`,
    )
  for (const warning of warnings) logger.warn({ warning }, 'the run goes on with a warning')
  return warnings
}
