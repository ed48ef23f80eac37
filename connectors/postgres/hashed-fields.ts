import type { ColumnKind, RecordValue } from '../../protocol/index.ts'
import { parseExact, rawJson } from '../../protocol/exact-json.ts'
import { canonicalText, ValueHash } from '../../protocol/rules/mask-value.ts'
import type { CopyChunk } from './copy-messages.ts'
import { fieldAt, lineEnd } from './copy-line.ts'

const tab = 0x09
const hashLength = 64

interface HashedField {
  readonly index: number
  readonly kind: ColumnKind
}

/**
 * Puts hashes in the place of fields of COPY lines, as soon as they come: nothing of the reader, nor a
 * state, sees the values.
 */
export class HashedFields {
  readonly #fields: readonly HashedField[]
  readonly #hash: ValueHash

  /** @param fields in the order of the line */
  constructor(fields: readonly HashedField[], key: string | undefined) {
    this.#fields = fields
    this.#hash = new ValueHash(key)
  }

  hide(chunk: CopyChunk): CopyChunk {
    const { bytes: lines, rows } = chunk
    const hidden = Buffer.allocUnsafe(lines.length + rows * this.#fields.length * hashLength)
    let copied = 0
    let length = 0
    for (let start = 0; start < lines.length;) {
      let position = start
      let index = 0
      for (const field of this.#fields) {
        for (; index < field.index; index += 1) position = lines.indexOf(tab, position) + 1
        const { text, end } = fieldAt(lines, position)
        if (text !== null) {
          length += lines.copy(hidden, length, copied, position)
          length += hidden.write(this.#hashOf(text, field.kind), length, 'latin1')
          copied = end
        }
        position = end
      }
      start = lineEnd(lines, position)
    }
    length += lines.copy(hidden, length, copied)
    return { ...chunk, bytes: hidden.subarray(0, length) }
  }

  #hashOf(text: string, kind: ColumnKind): string {
    if (kind === 'bytes' && text.startsWith('\\x'))
      return this.#hash.of(Buffer.from(text.slice(2), 'hex'))
    return this.#hash.of(canonicalText(kind, valueOf(text, kind)))
  }
}

/** The value of a COPY text, as far as its canonical text depends on it. */
function valueOf(text: string, kind: ColumnKind): Exclude<RecordValue, null> {
  if (kind === 'boolean') return text === 't'
  if (kind === 'double') return Number(text)
  if (kind === 'integer' || kind === 'number')
    return /^-?\d/.test(text) ? rawJson(text) : Number(text)
  return kind === 'json' ? (parseExact(text) ?? text) : text
}
