/** A position in the write-ahead log of PostgreSQL, as a number of bytes. */
export type Lsn = bigint

/** `16/B374D848` as a number. */
export function parseLsn(text: string): Lsn {
  const [high = '0', low = '0'] = text.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

export function formatLsn(lsn: Lsn): string {
  const high = (lsn >> 32n).toString(16).toUpperCase()
  return `${high}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`
}

export function isLsn(text: string): boolean {
  return /^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/.test(text)
}

export function earlier(left: Lsn, right: Lsn): Lsn {
  return left < right ? left : right
}

export function later(left: Lsn, right: Lsn): Lsn {
  return left > right ? left : right
}
