import { crc32, createInflateRaw } from 'node:zlib'
import { decompressChunks } from './decompress-chunks.ts'

/** No zip archive, or a broken one. */
export class ZipError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'BadZipFile'
  }
}

export interface ZipMember {
  readonly name: string
  /** Decompressed as it is read. Throws a ZipError if it is not what the directory says. */
  content(): AsyncIterable<Uint8Array>
}

const END_SIGNATURE = 0x06054b50
const END_BYTES = 22
const MAX_COMMENT_BYTES = 0xffff
const END64_LOCATOR_SIGNATURE = 0x07064b50
const END64_LOCATOR_BYTES = 20
const END64_SIGNATURE = 0x06064b50
const ENTRY_SIGNATURE = 0x02014b50
const ENTRY_BYTES = 46
const LOCAL_SIGNATURE = 0x04034b50
const LOCAL_BYTES = 30
const STORED = 0
const DEFLATED = 8
const ENCRYPTED_FLAG = 1
const UTF8_FLAG = 0x800
const ZIP64_EXTRA = 1
const IN_ZIP64 = 0xffff_ffff

/** The files of an archive, as its central directory lists them. */
export function readZip(archive: Uint8Array): readonly ZipMember[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength)
  try {
    return entriesOf(bytes).map((entry) => ({
      name: entry.name,
      content: () => contentOf(bytes, entry),
    }))
  } catch (cause) {
    if (cause instanceof RangeError) throw new ZipError('The zip archive is cut off.', { cause })
    throw cause
  }
}

interface Entry {
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly compressedBytes: number
  readonly bytes: number
  readonly offset: number
}

function entriesOf(bytes: Buffer): Entry[] {
  const { count, offset: start, shift } = directoryOf(bytes)
  const entries: Entry[] = []
  let position = start
  for (let index = 0; index < count; index += 1) {
    if (bytes.readUInt32LE(position) !== ENTRY_SIGNATURE)
      throw new ZipError('The zip directory is broken.')
    const nameBytes = bytes.readUInt16LE(position + 28)
    const extraBytes = bytes.readUInt16LE(position + 30)
    entries.push(entryAt(bytes, position, shift))
    position += ENTRY_BYTES + nameBytes + extraBytes + bytes.readUInt16LE(position + 32)
  }
  return entries
}

function entryAt(bytes: Buffer, position: number, shift: number): Entry {
  const nameEnd = position + ENTRY_BYTES + bytes.readUInt16LE(position + 28)
  const extra = bytes.subarray(nameEnd, nameEnd + bytes.readUInt16LE(position + 30))
  const flags = bytes.readUInt16LE(position + 8)
  const sizes = sizesOf(
    [
      bytes.readUInt32LE(position + 24),
      bytes.readUInt32LE(position + 20),
      bytes.readUInt32LE(position + 42),
    ],
    extra,
  )
  return {
    name: bytes
      .subarray(position + ENTRY_BYTES, nameEnd)
      .toString((flags & UTF8_FLAG) === 0 ? 'latin1' : 'utf8'),
    flags,
    method: bytes.readUInt16LE(position + 10),
    crc: bytes.readUInt32LE(position + 16),
    bytes: sizes[0],
    compressedBytes: sizes[1],
    offset: sizes[2] + shift,
  }
}

/**
 * The size, the compressed size and the offset; those that do not fit in 32 bits are in the extra field, in
 * this order.
 */
function sizesOf(
  short: readonly [number, number, number],
  extra: Buffer,
): [number, number, number] {
  const sizes: [number, number, number] = [...short]
  for (
    let position = 0;
    position + 4 <= extra.length;
    position += 4 + extra.readUInt16LE(position + 2)
  ) {
    if (extra.readUInt16LE(position) !== ZIP64_EXTRA) continue
    let next = position + 4
    for (const [index, size] of short.entries()) {
      if (size !== IN_ZIP64) continue
      sizes[index] = Number(extra.readBigUInt64LE(next))
      next += 8
    }
  }
  return sizes
}

/** The position of the directory. `shift`: the bytes before the archive, which its offsets do not count. */
function directoryOf(bytes: Buffer): {
  readonly count: number
  readonly offset: number
  readonly shift: number
} {
  const end = endOf(bytes)
  let count = bytes.readUInt16LE(end + 10)
  let size = bytes.readUInt32LE(end + 12)
  let offset = bytes.readUInt32LE(end + 16)
  let directoryEnd = end
  const locator = end - END64_LOCATOR_BYTES
  if (locator >= 0 && bytes.readUInt32LE(locator) === END64_LOCATOR_SIGNATURE) {
    const end64 = Number(bytes.readBigUInt64LE(locator + 8))
    if (bytes.readUInt32LE(end64) !== END64_SIGNATURE)
      throw new ZipError('The zip directory is broken.')
    count = Number(bytes.readBigUInt64LE(end64 + 32))
    size = Number(bytes.readBigUInt64LE(end64 + 40))
    offset = Number(bytes.readBigUInt64LE(end64 + 48))
    directoryEnd = end64
  }
  const shift = directoryEnd - size - offset
  if (shift < 0) throw new ZipError('The zip directory is broken.')
  return { count, offset: offset + shift, shift }
}

function endOf(bytes: Buffer): number {
  const earliest = Math.max(0, bytes.length - END_BYTES - MAX_COMMENT_BYTES)
  for (let position = bytes.length - END_BYTES; position >= earliest; position -= 1)
    if (bytes.readUInt32LE(position) === END_SIGNATURE) return position
  throw new ZipError('The response is not a zip archive.')
}

async function* contentOf(bytes: Buffer, entry: Entry): AsyncIterable<Uint8Array> {
  let crc = 0
  let length = 0
  for await (const chunk of plainContentOf(bytes, entry)) {
    crc = crc32(chunk, crc)
    length += chunk.length
    if (length > entry.bytes) break
    yield chunk
  }
  if (length !== entry.bytes || crc !== entry.crc)
    throw new ZipError('A file of the zip archive is damaged.')
}

function plainContentOf(bytes: Buffer, entry: Entry): AsyncIterable<Uint8Array> {
  if ((entry.flags & ENCRYPTED_FLAG) !== 0)
    throw new ZipError('A file of the zip archive is encrypted.')
  const start = dataStart(bytes, entry)
  const end = start + entry.compressedBytes
  if (end > bytes.length) throw new ZipError('The zip archive is cut off.')
  const data = chunksOf(bytes.subarray(start, end))
  if (entry.method === STORED) return data
  if (entry.method !== DEFLATED)
    throw new ZipError(
      `A file of the zip archive is compressed by method ${entry.method}. Only deflate is supported.`,
    )
  return decompressChunks(
    data,
    createInflateRaw(),
    (cause) => new ZipError('A file of the zip archive is damaged.', { cause }),
  )
}

function dataStart(bytes: Buffer, { offset }: Entry): number {
  if (offset + LOCAL_BYTES > bytes.length || bytes.readUInt32LE(offset) !== LOCAL_SIGNATURE)
    throw new ZipError('The zip archive is broken.')
  return offset + LOCAL_BYTES + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28)
}

const CHUNK_BYTES = 64 * 1024

async function* chunksOf(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let position = 0; position < bytes.length; position += CHUNK_BYTES)
    yield await Promise.resolve(bytes.subarray(position, position + CHUNK_BYTES))
}
