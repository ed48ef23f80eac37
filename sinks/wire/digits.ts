import type { ByteOutput } from './byte-output.ts'
import type { WireReader } from './wire-reader.ts'

/** The decimal digits of 0 to 99, two bytes each. */
const pairs = new Uint8Array(200)
for (let n = 0; n < 100; n++) {
  pairs[n * 2] = 0x30 + Math.floor(n / 10)
  pairs[n * 2 + 1] = 0x30 + (n % 10)
}

/** 0 to 99 as two digits. */
export function writePair(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = pairs[value * 2] ?? 0
  bytes[offset + 1] = pairs[value * 2 + 1] ?? 0
}

/** Any integer that a double holds exactly. */
export function writeInteger(out: ByteOutput, value: number): void {
  let rest = value
  if (value < 0) {
    out.bytes[out.offset++] = 0x2d
    rest = -value
  }
  if (rest < 1e9) {
    writeSmall(out, rest)
    return
  }
  const high = Math.floor(rest / 1e9)
  writeSmall(out, high)
  writePadded(out, rest - high * 1e9, 9)
}

/** The long that stands in the wire, of 64 bits. */
export function writeLong(out: ByteOutput, wire: WireReader): void {
  const value = wire.long()
  if (value === value) {
    writeInteger(out, value)
    return
  }
  wire.splitLarge()
  if (wire.negative) out.bytes[out.offset++] = 0x2d
  writeInteger(out, wire.millions)
  writePadded(out, wire.units, 6)
}

/** A non-negative integer below 10^9 with leading zeros. */
function writePadded(out: ByteOutput, value: number, digits: number): void {
  const { bytes } = out
  const start = out.offset
  let offset = start + digits
  out.offset = offset
  let rest = value | 0
  while (offset - start >= 2) {
    const high = (rest / 100) | 0
    offset -= 2
    writePair(bytes, offset, rest - high * 100)
    rest = high
  }
  if (offset > start) bytes[start] = 0x30 + rest
}

/** A non-negative integer below 10^9. */
function writeSmall(out: ByteOutput, value: number): void {
  writePadded(out, value, digitCount(value))
}

function digitCount(value: number): number {
  if (value < 1e4) {
    if (value < 1e2) return value < 10 ? 1 : 2
    return value < 1e3 ? 3 : 4
  }
  if (value < 1e6) return value < 1e5 ? 5 : 6
  if (value < 1e8) return value < 1e7 ? 7 : 8
  return 9
}
