const chunkBytes = 1024 * 1024

/** Copies of bytes, many in one buffer: the bytes of blocks are only lent. */
export class Arena {
  #chunk = Buffer.alloc(0)
  #offset = 0

  copy(from: Buffer, start: number, end: number): Uint8Array {
    const target = this.#room(end - start)
    from.copy(target, 0, start, end)
    return target
  }

  text(text: string): Uint8Array {
    const target = this.#room(Buffer.byteLength(text))
    target.write(text)
    return target
  }

  #room(bytes: number): Buffer {
    if (this.#offset + bytes > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(chunkBytes, bytes))
      this.#offset = 0
    }
    const room = this.#chunk.subarray(this.#offset, this.#offset + bytes)
    this.#offset += bytes
    return room
  }
}
