import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import type { InstanceConfig } from '../instance-place.ts'
import { bindStream, openWriter, targetOf } from '../open-writer.ts'
import { WriteStore } from '../store/write-store.ts'

/** How many records of each stream were sent; 0 for a stream that cannot be written. */
export async function sentRecords(
  config: InstanceConfig,
  streams: readonly SinkStream[],
  logger: Logger,
): Promise<readonly number[]> {
  const ended = new AbortController()
  await using store = await WriteStore.open(config.store)
  await using writer = await openWriter(config, { logger, signal: ended.signal })
  const counts: number[] = []
  for (const sink of streams) {
    try {
      const mapping = await bindStream(sink, config, writer)
      const { sent } = await store.counts(await targetOf(sink, config, mapping), 0)
      counts.push(sent)
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error
      counts.push(0)
    }
  }
  return counts
}
