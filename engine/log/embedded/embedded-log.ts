import { MessageChannel } from 'node:worker_threads'
import { largestRecordBytes } from '../../../protocol/index.ts'
import {
  type LaneEndpoint,
  type LogStream,
  type OpenedStream,
  type StreamLog,
} from '../stream-log.ts'

/** Bytes in flight between the two workers of a lane (written, and not released by the reader). */
const defaultMaxQueueBytes = 8 * 1024 * 1024
/** An entry is gone with its process: a run is started again, or stopped, long before. */
const keptMs = 24 * 60 * 60_000

/**
 * Bounded channels between the worker threads of one process. Nothing survives the process: a run resumes
 * from the destination's checkpoints.
 */
export class EmbeddedLog implements StreamLog {
  readonly #maxQueueBytes: number

  constructor(options: { readonly maxQueueBytes?: number } = {}) {
    this.#maxQueueBytes = options.maxQueueBytes ?? defaultMaxQueueBytes
  }

  openStream({ connection, stream, partitions }: LogStream): Promise<OpenedStream> {
    const lanes = Array.from({ length: partitions }, (_, partition) => {
      const { port1, port2 } = new MessageChannel()
      const end = (port: typeof port1): LaneEndpoint['writer'] => ({
        address: {
          kind: 'embedded',
          port,
          lane: { connection, stream, partition },
          maxQueueBytes: this.#maxQueueBytes,
        },
        transfer: [port],
      })
      return { partition, writer: end(port1), reader: end(port2) }
    })
    return Promise.resolve({ lanes, maxRecordBytes: largestRecordBytes, keptMs })
  }

  /** The ports belong to the workers; a lane ends with its worker. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}
