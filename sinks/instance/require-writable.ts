import pino from 'pino'
import type { SinkStream } from '../sink.ts'
import { requireMode } from './instance-destination.ts'
import type { InstanceConfig } from './instance-place.ts'
import { bindStream, openWriter } from './open-writer.ts'

/** Throws what a run would throw before it writes: the vendor is asked for its objects. */
export async function requireWritable(
  config: InstanceConfig,
  streams: readonly SinkStream[],
): Promise<void> {
  const ended = new AbortController()
  const logger = pino({ level: 'silent' })
  await using writer = await openWriter(config, { logger, signal: ended.signal })
  for (const sink of streams) {
    requireMode(sink)
    await bindStream(sink, config, writer)
  }
}
