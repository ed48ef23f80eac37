import type { Logger } from 'pino'
import { EmbeddedReader } from './embedded/embedded-reader.ts'
import { EmbeddedWriter } from './embedded/embedded-writer.ts'
import { KafkaReader } from './kafka/kafka-reader.ts'
import { KafkaWriter } from './kafka/kafka-writer.ts'
import type {
  LaneAddress,
  LaneReader,
  LaneReaderOptions,
  LaneWriter,
  LaneWriterOptions,
} from './stream-log.ts'

/** Opens the writing end of a lane, inside the read worker. */
export async function openLaneWriter(
  address: LaneAddress,
  options: LaneWriterOptions,
  logger: Logger,
): Promise<LaneWriter> {
  switch (address.kind) {
    case 'embedded':
      return new EmbeddedWriter(address, options)
    case 'kafka':
      return KafkaWriter.open(address.kafka, options, { logger })
  }
}

/** Opens the reading end of a lane, inside the sink worker. */
export async function openLaneReader(
  address: LaneAddress,
  options: LaneReaderOptions,
  logger: Logger,
): Promise<LaneReader> {
  switch (address.kind) {
    case 'embedded':
      return new EmbeddedReader(address)
    case 'kafka':
      return KafkaReader.open(address.kafka, options, logger)
  }
}
