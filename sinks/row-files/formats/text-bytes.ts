/** The UTF-8 bytes of one text after the other, in memory that is used again. */
export class TextBytes {
  bytes = Buffer.allocUnsafeSlow(1024)
  view = new DataView(this.bytes.buffer)

  /** Returns the number of bytes. */
  write(text: string): number {
    const most = text.length * 3
    if (most > this.bytes.length) {
      this.bytes = Buffer.allocUnsafeSlow(2 * most)
      this.view = new DataView(this.bytes.buffer)
    }
    return this.bytes.write(text)
  }
}
