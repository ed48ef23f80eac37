import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import {
  largestStoredRecordBytes,
  type LogStream,
  type OpenedStream,
  type StreamLog,
} from '../stream-log.ts'
import { ObjectStorage } from '../../../storage/object-storage.ts'
import type { StorageConfig } from '../../../storage/storage-config.ts'
import { expiredKeys, recordsPrefix } from './stored-keys.ts'

/** Beside the run; what takes longer is left for the next one. */
const pruneMs = 5_000

/** A log whose records may be larger than its messages: those go through Storage. */
export class StoringLog implements StreamLog {
  readonly #inner: StreamLog
  readonly #config: StorageConfig
  readonly #logger: Logger
  #pruned: Promise<void> | undefined

  constructor(inner: StreamLog, config: StorageConfig, logger: Logger) {
    this.#inner = inner
    this.#config = config
    this.#logger = logger
  }

  async openStream(stream: LogStream): Promise<OpenedStream> {
    this.#pruned ??= this.#prune(stream.connection)
    const opened = await this.#inner.openStream(stream)
    const { lanes, maxRecordBytes: largestBytes, keptMs } = opened
    const { connection, stream: id } = stream
    const place = { connection, stream: id, largestBytes, keptMs }
    const storage = { config: this.#config, ...place }
    // If messages are smaller than a block, all of it would be stored.
    const stores = largestBytes > 0
    return {
      ...opened,
      maxRecordBytes: stores ? largestStoredRecordBytes : largestBytes,
      lanes: lanes.map(({ partition, writer, reader }) => ({
        partition,
        writer: stores ? { ...writer, address: { ...writer.address, storage } } : writer,
        reader: { ...reader, address: { ...reader.address, storage } },
      })),
    }
  }

  /** Objects that no message of the connection's topics refers to any more. */
  async #prune(connection: string): Promise<void> {
    const storage = new ObjectStorage(this.#config, { attempts: 1 })
    const signal = AbortSignal.timeout(pruneMs)
    try {
      const keys = await storage.list(recordsPrefix(connection), signal)
      for (const key of expiredKeys(keys, Date.now())) await storage.delete(key, signal)
    } catch (error) {
      const { code, message } = ConnectError.from(error)
      this.#logger.warn({ code, reason: message }, 'old objects in Storage are not deleted now')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pruned
    await this.#inner[Symbol.asyncDispose]()
  }
}
