import type { Logger } from 'pino'
import type {
  LaneAddress,
  LaneReader,
  LaneReaderOptions,
  LaneWriter,
  LaneWriterOptions,
  LogAddress,
} from './stream-log.ts'

// Imported on first use: a Kafka client costs a thread's start 60 ms.
const writers = {
  embedded: () => import('./embedded/embedded-writer.ts'),
  kafka: () => import('./kafka/kafka-writer.ts'),
}
const readers = {
  embedded: () => import('./embedded/embedded-reader.ts'),
  kafka: () => import('./kafka/kafka-reader.ts'),
}

/** Begins to load what one end of a lane will need. */
export function preloadLane(end: 'writer' | 'reader', kind: LogAddress['kind']): void {
  const loading = end === 'writer' ? writers[kind]() : readers[kind]()
  loading.catch(() => undefined) // the caller that opens the lane gets the error
}

/** Opens the writing end of a lane, inside the read worker. */
export async function openLaneWriter(
  address: LaneAddress,
  options: LaneWriterOptions,
  logger: Logger,
): Promise<LaneWriter> {
  const writer = await openWriter(address, options, logger)
  if (address.storage === undefined) return writer
  const { StoringWriter } = await import('./stored/storing-writer.ts')
  return new StoringWriter(writer, address.storage)
}

async function openWriter(
  address: LogAddress,
  options: LaneWriterOptions,
  logger: Logger,
): Promise<LaneWriter> {
  switch (address.kind) {
    case 'embedded': {
      const { EmbeddedWriter } = await writers.embedded()
      return new EmbeddedWriter(address, options)
    }
    case 'kafka': {
      const { KafkaWriter } = await writers.kafka()
      return KafkaWriter.open(address.kafka, options, { logger })
    }
  }
}

/** Opens the reading end of a lane, inside the sink worker. */
export async function openLaneReader(
  address: LaneAddress,
  options: LaneReaderOptions,
  logger: Logger,
): Promise<LaneReader> {
  switch (address.kind) {
    case 'embedded': {
      const { EmbeddedReader } = await readers.embedded()
      return new EmbeddedReader(address)
    }
    case 'kafka': {
      const { KafkaReader } = await readers.kafka()
      return KafkaReader.open(address.kafka, options, logger)
    }
  }
}
