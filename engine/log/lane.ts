import type { Logger } from 'pino'
import type {
  LaneAddress,
  LaneReader,
  LaneReaderOptions,
  LaneWriter,
  LaneWriterOptions,
  LogAddress,
} from './stream-log.ts'

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
      const { EmbeddedWriter } = await import('./embedded/embedded-writer.ts')
      return new EmbeddedWriter(address, options)
    }
    case 'kafka': {
      // Imported on first use: the client costs a thread's start 60 ms.
      const { KafkaWriter } = await import('./kafka/kafka-writer.ts')
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
      const { EmbeddedReader } = await import('./embedded/embedded-reader.ts')
      return new EmbeddedReader(address)
    }
    case 'kafka': {
      const { KafkaReader } = await import('./kafka/kafka-reader.ts')
      return KafkaReader.open(address.kafka, options, logger)
    }
  }
}
