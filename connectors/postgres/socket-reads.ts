import { Socket } from 'node:net'

/** More than a socket usually has at once, so that fewer reads are needed. */
const readBytes = 256 * 1024

/**
 * A socket whose reads all land in one buffer. Node allocates 64 KiB for every read, which the garbage
 * collector has to find again. Together with the blocks of the log, that caused a fifth of the read worker's
 * CPU (2026-11, docs/performance-methods.md).
 */
export class SocketReads {
  readonly socket: Socket
  #taker: ((bytes: Buffer) => void) | undefined

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(readBytes)
    const callback = (count: number): boolean => {
      this.#give(buffer.subarray(0, count))
      return true
    }
    this.socket = new Socket({ onread: { buffer, callback } })
  }

  /**
   * Gives what is read to `taker` instead of the socket's listeners, which must be done with the bytes when
   * it returns.
   */
  divert(taker: ((bytes: Buffer) => void) | undefined): void {
    this.#taker = taker
  }

  #give(bytes: Buffer): void {
    if (this.#taker === undefined) this.socket.emit('data', Buffer.from(bytes))
    else this.#taker(bytes)
  }
}
