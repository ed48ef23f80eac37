/** The Castagnoli polynomial, bits reversed. */
const polynomial = 0x82f63b78

/** tn: the checksum of each byte with n zero bytes after it. */
const t0 = byteTable()
const t1 = oneMoreZero(t0)
const t2 = oneMoreZero(t1)
const t3 = oneMoreZero(t2)
const t4 = oneMoreZero(t3)
const t5 = oneMoreZero(t4)
const t6 = oneMoreZero(t5)
const t7 = oneMoreZero(t6)

/**
 * CRC-32C, as Kafka has it in record batches (RFC 3720, B.4). `before`: the checksum of the bytes before
 * these. Eight bytes at a time: 0.8 GB/s (2026-11-26, Node 24, one of two shared cores).
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before
  let position = 0
  for (const end = bytes.length - 7; position < end; position += 8) {
    const low = crc ^ fourBytes(bytes, position)
    crc =
      entry(t7, low) ^
      entry(t6, low >>> 8) ^
      entry(t5, low >>> 16) ^
      entry(t4, low >>> 24) ^
      entry(t3, bytes[position + 4]) ^
      entry(t2, bytes[position + 5]) ^
      entry(t1, bytes[position + 6]) ^
      entry(t0, bytes[position + 7])
  }
  for (; position < bytes.length; position++)
    crc = entry(t0, crc ^ (bytes[position] ?? 0)) ^ (crc >>> 8)
  return ~crc >>> 0
}

function entry(table: Int32Array, byte = 0): number {
  return table[byte & 0xff] ?? 0
}

function fourBytes(bytes: Uint8Array, position: number): number {
  return (
    (bytes[position] ?? 0) |
    ((bytes[position + 1] ?? 0) << 8) |
    ((bytes[position + 2] ?? 0) << 16) |
    ((bytes[position + 3] ?? 0) << 24)
  )
}

function byteTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })
}

function oneMoreZero(table: Int32Array): Int32Array {
  return table.map((crc) => (crc >>> 8) ^ entry(t0, crc))
}
