import { createHash } from 'node:crypto'
import type { CopyTextWriter } from './copy-text-writer.ts'

const DASH = 0x2d

/**
 * `_airbyte_raw_id`: a UUID (version 8) made from where a record stands, so that a replayed record keeps its id: 62 bits of a hash of
 * (connection, stream, slice, sync), and the record's sequence number in 52 bits.
 */
export class RowIdentity {
  readonly #hash: Buffer

  constructor(connection: string, stream: string, slice: string, syncId: number) {
    this.#hash = createHash('sha256')
      .update(JSON.stringify([connection, stream, slice, syncId]))
      .digest()
  }

  /** Writes 36 bytes. */
  write(seq: number, writer: CopyTextWriter): void {
    const hash = this.#hash
    writer.hexNumber(hash.readUInt32BE(0), 8)
    writer.byte(DASH)
    writer.hexNumber(hash.readUInt16BE(4), 4)
    writer.byte(DASH)
    writer.hexNumber(0x8000 | (hash.readUInt16BE(6) & 0xfff), 4)
    writer.byte(DASH)
    const low = seq % 0x1000000000000
    const high = (seq - low) / 0x1000000000000
    writer.hexNumber(0x8000 | ((hash.readUInt16BE(8) & 0x3ff) << 4) | high, 4)
    writer.byte(DASH)
    writer.hexNumber(low, 12)
  }
}
