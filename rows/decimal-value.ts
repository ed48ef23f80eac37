import { exactNumber, type RecordValue } from '../protocol/index.ts'

/** A decimal as its exact digits: `unscaled` divided by ten to the power of `scale`. */
export function decimalValue(unscaled: bigint, scale: number): RecordValue {
  if (scale <= 0) return exactNumber((unscaled * 10n ** BigInt(-scale)).toString())
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const sign = unscaled < 0n ? '-' : ''
  return exactNumber(`${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`)
}

/** A signed integer, the most significant byte first. */
export function bigintOfBytes(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`))
}
