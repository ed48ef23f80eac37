/** Sizes that are worth a page that each reader of the column loads first. */
const mostEntries = 32_768
const mostBytes = 1024 * 1024

/** Distinct byte strings, numbered in the order of their first appearance. */
export class ByteDictionary {
  /** The entries as a page has them: the length in four bytes, then the bytes. */
  #bytes = Buffer.allocUnsafeSlow(4 * 1024)
  #view = viewOf(this.#bytes)
  #used = 0
  /** Where the bytes of an entry begin. */
  #starts: Int32Array = new Int32Array(256)
  #hashes: Int32Array = new Int32Array(256)
  /** By hash: the number of the entry and one; 0 if the slot is free. */
  #slots: Int32Array = new Int32Array(512)
  size = 0

  /** The entries, until `clear` or the next `idOf`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#used)
  }

  get heldBytes(): number {
    return this.#bytes.length + this.#slots.byteLength + this.#starts.byteLength * 2
  }

  /** The number of the bytes; -1 if they are new, and there is no room for them. `view`: of `input`. */
  idOf(input: Buffer, view: DataView, start: number, end: number): number {
    const hash = hashOf(view, start, end)
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (;;) {
      const entry = this.#slots[slot] ?? 0
      if (entry === 0) return this.#add(input, { hash, slot, start, end })
      if (this.#hashes[entry - 1] === hash && this.#isEntry(entry - 1, view, start, end))
        return entry - 1
      slot = (slot + 1) & mask
    }
  }

  /** Where the bytes of an entry begin in `bytes`. */
  startOf(id: number): number {
    return this.#starts[id] ?? 0
  }

  endOf(id: number): number {
    const start = this.startOf(id)
    return start + this.#view.getInt32(start - 4, true)
  }

  clear(): void {
    this.size = 0
    this.#used = 0
    this.#slots.fill(0)
  }

  #isEntry(id: number, view: DataView, start: number, end: number): boolean {
    const own = this.#starts[id] ?? 0
    const mine = this.#view
    const length = end - start
    if (mine.getInt32(own - 4, true) !== length) return false
    let offset = 0
    for (; offset + 4 <= length; offset += 4)
      if (mine.getInt32(own + offset) !== view.getInt32(start + offset)) return false
    for (; offset < length; offset++)
      if (mine.getUint8(own + offset) !== view.getUint8(start + offset)) return false
    return true
  }

  #add(
    input: Buffer,
    found: {
      readonly hash: number
      readonly slot: number
      readonly start: number
      readonly end: number
    },
  ): number {
    const { hash, slot, start, end } = found
    const length = end - start
    if (this.size >= mostEntries || this.#used + length + 4 > mostBytes) return -1
    this.#makeRoom(length + 4)
    this.#view.setInt32(this.#used, length, true)
    const own = this.#used + 4
    input.copy(this.#bytes, own, start, end)
    this.#used = own + length
    const id = this.size++
    this.#starts[id] = own
    this.#hashes[id] = hash
    this.#slots[slot] = id + 1
    if (this.size * 2 > this.#slots.length) this.#widen()
    return id
  }

  #makeRoom(bytes: number): void {
    if (this.#used + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#used + bytes))
      this.#bytes.copy(larger, 0, 0, this.#used)
      this.#bytes = larger
      this.#view = viewOf(larger)
    }
    if (this.size < this.#starts.length) return
    this.#starts = widened(this.#starts)
    this.#hashes = widened(this.#hashes)
  }

  #widen(): void {
    const slots = new Int32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (let id = 0; id < this.size; id++) {
      let slot = (this.#hashes[id] ?? 0) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = id + 1
    }
    this.#slots = slots
  }
}

function hashOf(view: DataView, start: number, end: number): number {
  let hash = end - start
  let offset = start
  for (; offset + 4 <= end; offset += 4)
    hash = Math.imul(hash ^ view.getInt32(offset), 0x9e3779b1) ^ (hash >>> 15)
  for (; offset < end; offset++) hash = Math.imul(hash ^ view.getUint8(offset), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

function widened(numbers: Int32Array): Int32Array {
  const wider = new Int32Array(2 * numbers.length)
  wider.set(numbers)
  return wider
}
