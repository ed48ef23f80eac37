import { cut, InflateBuffer } from './inflate-buffer.ts'

/**
 * snappy-java's stream, which Kafka writes: this, two versions of 4 bytes each, then blocks after their
 * lengths.
 */
const streamMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const streamHeaderBytes = streamMagic.length + 8
const usualRatio = 4

/** Snappy, in snappy-java's stream, or one bare block, which some producers send (format_description.txt). */
export function snappyDecompress(bytes: Buffer, maxBytes: number): Buffer {
  const output = new InflateBuffer(bytes.length * usualRatio, maxBytes)
  if (!bytes.subarray(0, streamMagic.length).equals(streamMagic)) {
    snappyBlock(bytes, output)
    return output.bytes
  }
  for (let position = streamHeaderBytes; position < bytes.length;) {
    if (position + 4 > bytes.length) throw cut()
    const end = position + 4 + bytes.readUInt32BE(position)
    if (end > bytes.length) throw cut()
    snappyBlock(bytes.subarray(position + 4, end), output)
    position = end
  }
  return output.bytes
}

/** The length of the output, then literals and copies. */
function snappyBlock(bytes: Buffer, output: InflateBuffer): void {
  let position = 0
  while ((bytes[position++] ?? 0) > 0x7f);
  const number = (size: number): number => {
    if (position + size > bytes.length) throw cut()
    position += size
    return bytes.readUIntLE(position - size, size)
  }
  while (position < bytes.length) {
    const tag = number(1)
    const high = tag >>> 2
    switch (tag & 0x03) {
      case 0: {
        const length = (high < 60 ? high : number(high - 59)) + 1
        output.literal(bytes, position, position + length)
        position += length
        break
      }
      case 1:
        output.repeat(((high >>> 3) << 8) | number(1), (high & 0x07) + 4)
        break
      case 2:
        output.repeat(number(2), high + 1)
        break
      default:
        output.repeat(number(4), high + 1)
    }
  }
}
