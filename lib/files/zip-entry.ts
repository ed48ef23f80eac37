import { inflateRawSync } from 'node:zlib'

const endSignature = 0x06054b50
const entrySignature = 0x02014b50
/** The end of the archive may be followed by a comment of this size. */
const maxCommentBytes = 65_535
const methods = { stored: 0, deflated: 8 } as const

/**
 * The bytes of a file in a zip archive; undefined if it has none of this name. Throws a `RangeError` if it is
 * no archive that can be read: encrypted, of more than 4 GiB, or a file of more than `maxBytes`.
 */
export function zipEntry(
  archive: Uint8Array,
  name: string,
  { maxBytes }: { readonly maxBytes: number },
): Uint8Array | undefined {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength)
  const end = endOf(bytes)
  let position = bytes.readUInt32LE(end + 16)
  const count = bytes.readUInt16LE(end + 10)
  for (let index = 0; index < count; index += 1) {
    if (bytes.readUInt32LE(position) !== entrySignature) throw new RangeError('no entry of a zip')
    const nameLength = bytes.readUInt16LE(position + 28)
    const nameAt = position + 46
    if (bytes.toString('utf8', nameAt, nameAt + nameLength) === name)
      return contentsOf(bytes, position, maxBytes)
    const more = bytes.readUInt16LE(position + 30) + bytes.readUInt16LE(position + 32)
    position = nameAt + nameLength + more
  }
  return undefined
}

function endOf(bytes: Buffer): number {
  const first = Math.max(0, bytes.length - 22 - maxCommentBytes)
  for (let position = bytes.length - 22; position >= first; position -= 1)
    if (bytes.readUInt32LE(position) === endSignature) return position
  throw new RangeError('no zip archive')
}

/** @param entry where the entry of the central directory begins */
function contentsOf(bytes: Buffer, entry: number, maxBytes: number): Uint8Array {
  const isEncrypted = (bytes.readUInt16LE(entry + 8) & 1) !== 0
  const method = bytes.readUInt16LE(entry + 10)
  const size = bytes.readUInt32LE(entry + 20)
  const headerAt = bytes.readUInt32LE(entry + 42)
  if (isEncrypted) throw new RangeError('an encrypted file')
  const lengths = bytes.readUInt16LE(headerAt + 26) + bytes.readUInt16LE(headerAt + 28)
  const start = headerAt + 30 + lengths
  const packed = bytes.subarray(start, start + size)
  if (packed.length !== size) throw new RangeError('a file that is cut off')
  if (method === methods.stored && size <= maxBytes) return Uint8Array.from(packed)
  if (method !== methods.deflated) throw new RangeError('a file that is packed in another way')
  return inflateRawSync(packed, { maxOutputLength: maxBytes })
}
