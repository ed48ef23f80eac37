const seed = 0x97_47_b2_8c | 0
const factor = 0x5b_d1_e9_95

/**
 * The hash of a key's first bytes by which Kafka's own Java client chooses a partition (`Utils.murmur2`), as
 * a signed 32-bit number.
 */
export function murmur2(bytes: Uint8Array, length: number): number {
  let hash = seed ^ length
  const whole = length & ~3
  for (let position = 0; position < whole; position += 4) {
    let word = Math.imul(littleEndian(bytes, position), factor)
    word ^= word >>> 24
    hash = Math.imul(hash, factor) ^ Math.imul(word, factor)
  }
  const rest = length - whole
  if (rest >= 3) hash ^= (bytes[whole + 2] ?? 0) << 16
  if (rest >= 2) hash ^= (bytes[whole + 1] ?? 0) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[whole] ?? 0), factor)
  hash = Math.imul(hash ^ (hash >>> 13), factor)
  return hash ^ (hash >>> 15)
}

/**
 * The partition of a key, as Kafka's Java client chooses it: other writers and Kafka Streams find the key
 * there.
 */
export function partitionOf(key: Uint8Array, length: number, partitions: number): number {
  return (murmur2(key, length) & 0x7f_ff_ff_ff) % partitions
}

function littleEndian(bytes: Uint8Array, position: number): number {
  const low = (bytes[position] ?? 0) | ((bytes[position + 1] ?? 0) << 8)
  return low | ((bytes[position + 2] ?? 0) << 16) | ((bytes[position + 3] ?? 0) << 24)
}
