import { ChunkReader } from './chunk-reader.ts'
import { MalformedRows } from './malformed-rows.ts'

/**
 * The frames of a zstd file (RFC 8878), each as its bytes. Node's decompressor ends with the first one, and
 * `cat a.zst b.zst`, pzstd and other parallel compressors write many. Frames that are to be skipped are left
 * out.
 */
export async function* zstdFrames(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<AsyncGenerator<Uint8Array>> {
  await using reader = new ChunkReader(chunks)
  while (!(await reader.isAtEnd())) {
    const magic = await readUInt32(reader)
    if (isSkippable(magic)) await skip(reader, await readUInt32(reader))
    else if (magic === frameMagic) yield frameBytes(reader)
    else throw new MalformedRows('is not zstd, or is damaged: something else follows a frame')
  }
}

/** Whether a file begins like one of zstd. */
export function isZstd(start: Uint8Array): boolean {
  if (start.length < 4) return false
  const magic = Buffer.from(start).readUInt32LE()
  return magic === frameMagic || isSkippable(magic)
}

const frameMagic = 0xfd2fb528
const skippableMagic = 0x184d2a50
const skipBytes = 1024 * 1024

function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === skippableMagic
}

async function* frameBytes(reader: ChunkReader): AsyncGenerator<Uint8Array> {
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(frameMagic)
  yield magic
  const [descriptor = 0] = await reader.peek(1)
  yield await reader.take(1 + headerBytes(descriptor))
  for (let isLast = false; !isLast;) {
    const header = Buffer.from(await reader.take(3))
    yield header
    const block = header.readUIntLE(0, 3)
    isLast = (block & 1) === 1
    // A block of one byte that is repeated says how often.
    const isRepeated = ((block >> 1) & 3) === 1
    const length = isRepeated ? 1 : block >> 3
    if (length > 0) yield await reader.take(length)
  }
  const hasChecksum = (descriptor & 4) !== 0
  if (hasChecksum) yield await reader.take(4)
}

/** The header behind its first byte: the size of the window, the dictionary, and the size of the content. */
function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize
}

async function readUInt32(reader: ChunkReader): Promise<number> {
  return Buffer.from(await reader.take(4)).readUInt32LE()
}

async function skip(reader: ChunkReader, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= skipBytes) await reader.take(Math.min(left, skipBytes))
}
