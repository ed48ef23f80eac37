import { packageVersion } from '../../../lib/files/package-version.ts'
import type { Column } from '../../../protocol/index.ts'
import type { StreamSync } from '../../sink.ts'
import { JsonMessages } from '../../topic/rows/json-messages.ts'
import { rowColumns } from '../../topic/rows/row-columns.ts'
import { WireRecord } from '../../topic/rows/wire-record.ts'
import { ByteOutput } from '../../wire/byte-output.ts'
import type { FileOptions } from '../file-options.ts'
import type { DraftFile, StoredDraft } from '../file-store.ts'
import { CompressedDraft } from './compressed-draft.ts'
import type { Nulled, RowEncoder, RowFile } from './row-format.ts'

const newline = 0x0a
/** Lines wait up to this size for the compressor. */
const passOnBytes = 256 * 1024
const firstBytes = 1024
const mostReused = 4 * passOnBytes

const noneNulled: Nulled = { count: 0, columns: new Set() }

/** Lines of JSON from blocks of records, bytes to bytes: the row of a topic's message, and a newline. */
export class JsonLines implements RowEncoder {
  readonly record: WireRecord
  readonly #rows: JsonMessages
  readonly #compression: FileOptions['compression']

  constructor(
    { sink, syncId, generationId }: StreamSync,
    columns: readonly Column[],
    compression: FileOptions['compression'],
  ) {
    // Rows are written as they come: no key is needed.
    const form = {
      topic: '',
      sink: { ...sink, mode: 'append' },
      columns,
      format: { encoding: 'json', envelope: 'row' },
      lookup: 'fingerprint',
    } as const
    const numbers = {
      partitions: 1,
      maxMessageBytes: Number.MAX_SAFE_INTEGER,
      syncId,
      generationId,
    }
    this.record = new WireRecord(columns)
    const options = { ...form, ...numbers, version: packageVersion() }
    this.#rows = new JsonMessages(options, rowColumns(form), this.record)
    this.#compression = compression
  }

  /** A line holds every value. */
  takeNulled(): Nulled {
    return noneNulled
  }

  open(draft: DraftFile): RowFile {
    return new LinesFile(
      new CompressedDraft(draft, this.#compression),
      this.#compression === 'none',
      (out) => {
        const { bytes, length } = this.#rows.value(this.record, 'write')
        out.append(bytes.subarray(0, length))
        out.bytes[out.offset++] = newline
      },
    )
  }
}

class LinesFile implements RowFile {
  readonly #draft: CompressedDraft
  readonly #isPlain: boolean
  readonly #writeLine: (out: ByteOutput) => void
  #lines = new ByteOutput(Buffer.allocUnsafeSlow(firstBytes))
  /** Those that the compressor works on. */
  #passed: ByteOutput | undefined
  records = 0

  constructor(draft: CompressedDraft, isPlain: boolean, writeLine: (out: ByteOutput) => void) {
    this.#draft = draft
    this.#isPlain = isPlain
    this.#writeLine = writeLine
  }

  get heldBytes(): number {
    const passed = this.#passed?.bytes.length ?? 0
    return this.#lines.bytes.length + passed + this.#draft.heldBytes
  }

  get bytes(): number {
    return this.#draft.bytes + (this.#isPlain ? this.#lines.offset : 0)
  }

  add(): void {
    this.records += 1
    this.#writeLine(this.#lines)
  }

  async drain(): Promise<void> {
    if (this.#lines.offset >= passOnBytes) await this.#passOn()
  }

  async close(): Promise<StoredDraft> {
    await this.#passOn()
    return this.#draft.close()
  }

  discard(): Promise<void> {
    return this.#draft.discard()
  }

  async #passOn(): Promise<void> {
    const lines = this.#lines
    if (lines.offset === 0) return
    await this.#draft.write(lines.bytes.subarray(0, lines.offset))
    // The draft has the bytes of plain files; a compressor is through with those that it had before.
    const free = this.#isPlain ? undefined : this.#passed
    this.#passed = this.#isPlain ? undefined : lines
    const size = Math.min(lines.bytes.length, 2 * passOnBytes)
    this.#lines = isReusable(free) ? free : new ByteOutput(Buffer.allocUnsafeSlow(size))
    this.#lines.offset = 0
  }
}

/** The memory of a large line is not used again. */
function isReusable(lines: ByteOutput | undefined): lines is ByteOutput {
  return lines !== undefined && lines.bytes.length <= mostReused
}
