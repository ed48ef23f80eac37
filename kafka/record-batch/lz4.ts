import { cut, InflateBuffer } from './inflate-buffer.ts'

/** The frame's flags: the fields in its header and after its blocks. */
const magic = 0x184d2204
const blockChecksumBit = 0x10
const contentSizeBit = 0x08
const dictionaryBit = 0x01
const storedBit = 0x80000000
const usualRatio = 4

/** An LZ4 frame (lz4_Frame_format.md). Its checksums are not compared: Kafka's batch has its own. */
export function lz4Decompress(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== magic) throw new RangeError('not an LZ4 frame')
  const flags = bytes.readUInt8(4)
  const afterBlock = (flags & blockChecksumBit) === 0 ? 0 : 4
  const output = new InflateBuffer(bytes.length * usualRatio, maxBytes)
  // Magic, flags, block size, content size, dictionary, header checksum.
  let position =
    7 + ((flags & contentSizeBit) === 0 ? 0 : 8) + ((flags & dictionaryBit) === 0 ? 0 : 4)
  for (;;) {
    if (position + 4 > bytes.length) throw cut()
    const size = bytes.readUInt32LE(position)
    if (size === 0) return output.bytes
    const end = position + 4 + (size & ~storedBit)
    if (end > bytes.length) throw cut()
    if (size >= storedBit) output.literal(bytes, position + 4, end)
    else lz4Block(bytes.subarray(position + 4, end), output)
    position = end + afterBlock
  }
}

/** Sequences of literals and a copy; the last one has no copy. */
function lz4Block(bytes: Buffer, output: InflateBuffer): void {
  let position = 0
  const length = (nibble: number): number => {
    let sum = nibble
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; sum += byte)
      byte = bytes[position++] ?? 0
    return sum
  }
  while (position < bytes.length) {
    const token = bytes[position++] ?? 0
    const literals = length(token >>> 4)
    output.literal(bytes, position, position + literals)
    position += literals
    if (position === bytes.length) return
    if (position + 2 > bytes.length) throw cut()
    const distance = bytes.readUInt16LE(position)
    position += 2
    output.repeat(distance, length(token & 0x0f) + 4)
  }
}
