import { BlockEncoder } from '../../../protocol/avro/block-encoder.ts'
import type { Column } from '../../../protocol/index.ts'
import type { RecordBlock } from '../../sink.ts'

export interface KeptBlock {
  readonly block: RecordBlock
  /** Its number in the transaction. */
  readonly firstRow: number
}

/** The blocks of the open transaction that may have to be sent again. */
export class KeptBlocks {
  #blocks: KeptBlock[] = []
  #bytes = 0

  /** The size of all blocks. */
  get bytes(): number {
    return this.#bytes
  }

  add(kept: KeptBlock): void {
    this.#blocks.push(kept)
    this.#bytes += kept.block.bytes.length
  }

  /** The block that has the row, or follows it. */
  at(row: number): KeptBlock | undefined {
    return this.#blocks.find(({ block, firstRow }) => row < firstRow + block.count)
  }

  /** Replaces a block of rows by the same records as Avro, which may be several blocks. */
  encode(kept: KeptBlock, columns: readonly Column[]): void {
    const index = this.#blocks.indexOf(kept)
    const encoded = encodeRows(kept, columns)
    this.#blocks.splice(index, 1, ...encoded)
    this.#bytes -= kept.block.bytes.length
    for (const { block } of encoded) this.#bytes += block.bytes.length
  }

  clear(): void {
    this.#blocks = []
    this.#bytes = 0
  }
}

function encodeRows({ block, firstRow }: KeptBlock, columns: readonly Column[]): KeptBlock[] {
  const { slice, seq, bytes, copy } = block
  if (copy === undefined) throw new TypeError('a block of rows')
  const encoder = new BlockEncoder({ columns, maxRecordBytes: Infinity })
  const blocks: KeptBlock[] = []
  let before = 0
  for (let from = 0; from < bytes.length;) {
    from = encoder.copyBinary(bytes, from, copy)
    const encoded = encoder.take()
    if (encoded === undefined) throw new TypeError('no record was encoded')
    const { count } = encoded
    blocks.push({
      block: { slice, seq: seq + before, count, bytes: encoded.bytes },
      firstRow: firstRow + before,
    })
    before += count
  }
  return blocks
}
