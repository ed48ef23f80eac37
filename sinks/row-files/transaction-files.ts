import type { RecordBlock } from '../sink.ts'
import type { DraftFile, StoredDraft } from './file-store.ts'
import type { RowEncoder, RowFile } from './formats/row-format.ts'
import type { FindFolder } from './partition-folder.ts'

/** Open files of a lane hold no more bytes than this, together. */
const maxHeldBytes = 64 * 1024 * 1024
/** Open files, each of which has a compressor: with more partitions, the one with the most rows ends. */
const mostOpen = 64

/**
 * A file may have so many times its size: the lane is full at its size, and commits at the next state of the
 * source, so that no small file is left for the rows until there.
 */
const mostOfSize = 1.25

export interface WrittenFile extends StoredDraft {
  readonly records: number
}

export interface TransactionOptions {
  readonly encoder: RowEncoder
  readonly folderOf: FindFolder
  /** Begins the next file in a folder of partitions. */
  readonly newDraft: (folder: string) => DraftFile
  /** A file ends at this size. */
  readonly fileBytes: number
}

/** The files of one transaction of a lane: one for each partition, and more if they are large. */
export class TransactionFiles {
  readonly #options: TransactionOptions
  readonly #open = new Map<string, RowFile>()
  readonly #written: WrittenFile[] = []
  #writtenBytes = 0

  constructor(options: TransactionOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#written.length === 0
  }

  /** About the size of all files. */
  get bytes(): number {
    let bytes = this.#writtenBytes
    for (const file of this.#open.values()) bytes += file.bytes
    return bytes
  }

  get openFiles(): number {
    return this.#open.size
  }

  /** The bytes of the block are free again when it resolves. */
  async write(block: RecordBlock): Promise<void> {
    const { encoder, folderOf } = this.#options
    const { record } = encoder
    record.open(block)
    while (record.next()) this.#fileIn(folderOf(record)).add()
    for (const [folder, file] of this.#open) {
      await file.drain()
      if (file.bytes >= this.#options.fileBytes * mostOfSize) await this.#end(folder, file)
    }
    await this.#makeRoom()
  }

  /** All files, durable but not published. */
  async close(): Promise<readonly WrittenFile[]> {
    for (const [folder, file] of this.#open) await this.#end(folder, file)
    return this.#written
  }

  async discard(): Promise<void> {
    for (const file of this.#open.values()) await file.discard()
    this.#open.clear()
  }

  #fileIn(folder: string): RowFile {
    const open = this.#open.get(folder)
    if (open !== undefined) return open
    const file = this.#options.encoder.open(this.#options.newDraft(folder))
    this.#open.set(folder, file)
    return file
  }

  async #end(folder: string, file: RowFile): Promise<void> {
    const draft = await file.close()
    this.#open.delete(folder)
    this.#written.push({ ...draft, records: file.records })
    this.#writtenBytes += file.bytes
  }

  async #makeRoom(): Promise<void> {
    for (;;) {
      const files = [...this.#open]
      const held = files.reduce((sum, [, file]) => sum + file.heldBytes, 0)
      if (held <= maxHeldBytes && files.length <= mostOpen) return
      const [largest] = files.toSorted(([, a], [, b]) => b.heldBytes - a.heldBytes)
      if (largest === undefined) return
      await this.#end(...largest)
    }
  }
}
