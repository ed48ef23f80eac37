import { ByteDictionary } from './byte-dictionary.ts'

/** How a value is stored; `boolean` has a byte for each here, and a bit in the page. */
export type PhysicalType = 'boolean' | 'int32' | 'int64' | 'double' | 'bytes'

const firstBytes = 1024
/** From so many entries on, a dictionary must be worth it: half of its values came before. */
const triedEntries = 1_024

/**
 * The values of one column of a row group, stored as they come in the bytes of a page: without an object for
 * a value. Its memory is used again for the next row group.
 */
export class ColumnValues {
  readonly type: PhysicalType
  rows = 0
  nulls = 0
  /** A bit for each row: 1 if it has a value. */
  #levels = new Uint8Array(64)
  #bytes = Buffer.allocUnsafeSlow(firstBytes)
  #view = viewOf(this.#bytes)
  #length = 0
  /** While values repeat. A column that has given up on it is never tried again. */
  #dictionary: ByteDictionary | undefined
  #ids = new Int32Array(0)

  constructor(type: PhysicalType) {
    this.type = type
    if (type === 'bytes') this.#dictionary = new ByteDictionary()
  }

  /** Rows with a value. */
  get present(): number {
    return this.rows - this.nulls
  }

  get heldBytes(): number {
    const numbers = this.#levels.length + this.#ids.byteLength
    return this.#bytes.length + numbers + (this.#dictionary?.heldBytes ?? 0)
  }

  /** The values in the PLAIN encoding, but for `boolean`; empty if they are in a dictionary. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  get view(): DataView {
    return this.#view
  }

  get levels(): Uint8Array {
    return this.#levels.subarray(0, (this.rows + 7) >>> 3)
  }

  get dictionary(): { readonly entries: ByteDictionary; readonly ids: Int32Array } | undefined {
    const entries = this.#dictionary
    if (entries === undefined || entries.size === 0) return undefined
    return { entries, ids: this.#ids.subarray(0, this.present) }
  }

  addNull(): void {
    this.#addLevel(0)
    this.nulls += 1
  }

  addBoolean(value: boolean): void {
    this.#makeRoom(1)
    this.#bytes[this.#length++] = value ? 1 : 0
    this.#addLevel(1)
  }

  addInt32(value: number): void {
    this.#makeRoom(4)
    this.#view.setInt32(this.#length, value, true)
    this.#length += 4
    this.#addLevel(1)
  }

  /** A whole number that a double holds exactly. */
  addInt64(value: number): void {
    this.#makeRoom(8)
    const view = this.#view
    const at32 = value | 0
    if (at32 === value) {
      view.setInt32(this.#length, at32, true)
      view.setInt32(this.#length + 4, at32 >> 31, true)
    } else {
      const upper = Math.floor(value / 2 ** 32)
      view.setUint32(this.#length, value - upper * 2 ** 32, true)
      view.setInt32(this.#length + 4, upper, true)
    }
    this.#length += 8
    this.#addLevel(1)
  }

  addBigInt64(value: bigint): void {
    this.#makeRoom(8)
    this.#view.setBigInt64(this.#length, value, true)
    this.#length += 8
    this.#addLevel(1)
  }

  addDouble(value: number): void {
    this.#makeRoom(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
    this.#addLevel(1)
  }

  /** `view`: of the same bytes. */
  addBytes(input: Buffer, view: DataView, start: number, end: number): void {
    if (!this.#addId(input, view, start, end)) this.#addPlain(input, start, end)
    this.#addLevel(1)
  }

  /** For the next row group. */
  clear(): void {
    this.rows = 0
    this.nulls = 0
    this.#length = 0
    this.#dictionary?.clear()
  }

  /** False if the column has no dictionary. */
  #addId(input: Buffer, view: DataView, start: number, end: number): boolean {
    const dictionary = this.#dictionary
    if (dictionary === undefined) return false
    const { size } = dictionary
    const id = dictionary.idOf(input, view, start, end)
    const isRepeated = size < triedEntries || size * 2 <= this.present
    if (id === -1 || !isRepeated) {
      this.#giveUp(dictionary)
      return false
    }
    const { present } = this
    if (present >= this.#ids.length) {
      const wider = new Int32Array(Math.max(256, 2 * this.#ids.length))
      wider.set(this.#ids)
      this.#ids = wider
    }
    this.#ids[present] = id
    return true
  }

  /** Its values go into the page itself. */
  #giveUp(dictionary: ByteDictionary): void {
    const { bytes } = dictionary
    for (let index = 0; index < this.present; index++) {
      const id = this.#ids[index] ?? 0
      this.#addPlain(bytes, dictionary.startOf(id), dictionary.endOf(id))
    }
    this.#dictionary = undefined
    this.#ids = new Int32Array(0)
  }

  #addPlain(input: Buffer, start: number, end: number): void {
    const size = end - start
    this.#makeRoom(4 + size)
    this.#view.setInt32(this.#length, size, true)
    input.copy(this.#bytes, this.#length + 4, start, end)
    this.#length += 4 + size
  }

  #addLevel(bit: 0 | 1): void {
    const index = this.rows >>> 3
    if (index >= this.#levels.length) {
      const wider = new Uint8Array(2 * this.#levels.length)
      wider.set(this.#levels)
      this.#levels = wider
    }
    const shift = this.rows & 7
    this.#levels[index] = shift === 0 ? bit : (this.#levels[index] ?? 0) | (bit << shift)
    this.rows += 1
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, needed))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
    this.#view = viewOf(larger)
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
