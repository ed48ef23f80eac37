/** Microseconds between 1970-01-01 and 2000-01-01, where PostgreSQL's clock begins. */
const epoch = 946_684_800_000_000n

/** Microseconds since 2000-01-01 as COPY writes a timestamptz in UTC. */
export function timestampText(microseconds: bigint): string {
  const since1970 = microseconds + epoch
  const milliseconds = Number(since1970 / 1000n)
  const [day = '', rest = ''] = new Date(milliseconds).toISOString().split('T')
  const micros = String(since1970 % 1000n).padStart(3, '0')
  return `${day} ${rest.slice(0, -1)}${micros}+00`
}

/** The same for a clock of this program, in milliseconds. */
export function momentText(milliseconds: number): string {
  return timestampText(BigInt(Math.round(milliseconds)) * 1000n - epoch)
}

/** The clock of the protocol: microseconds since 2000-01-01. */
export function protocolTime(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds)) * 1000n - epoch
}
