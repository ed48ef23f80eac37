import { randomBytes } from 'node:crypto'

export type IdPrefix = 'aud' | 'ins' | 'con' | 'run' | 'key' | 'usr' | 'sch' | 'sbx' | 'rcv' | 'dlv'

/** Crockford's base 32: without I, L, O and U. */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const randomBits = 80n

let lastMs = 0
let lastRandom = 0n

/**
 * A ULID with a prefix: `run_01J…`. Later ids sort after earlier ones, in this process always (also within a
 * millisecond, and when the clock is set back), between processes as their clocks agree.
 */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${ulid(Date.now())}`
}

export function ulid(nowMs: number): string {
  if (nowMs > lastMs) {
    lastMs = nowMs
    // One bit is left free, so that counting up within a millisecond never overflows.
    lastRandom = BigInt(`0x${randomBytes(10).toString('hex')}`) >> 1n
  } else {
    lastRandom += 1n
  }
  let rest = (BigInt(lastMs) << randomBits) | lastRandom
  let text = ''
  for (let place = 0; place < 26; place++) {
    text = `${digits[Number(rest & 31n)] ?? ''}${text}`
    rest >>= 5n
  }
  return text
}
