/**
 * Which transactions a statement shows. Their changes can come out of the log before: the server writes the
 * commit there, may wait for a synchronous standby, and only then shows it to others.
 */
export interface TransactionSnapshot {
  /** Every transaction before it has ended. */
  readonly oldest: bigint
  /** None from it on is shown. */
  readonly next: bigint
  /** The lower 32 bits of those between that have not ended. */
  readonly open: ReadonlySet<number>
}

/** Text for `parseSnapshot`. */
export const snapshotSql = 'pg_catalog.txid_current_snapshot()::text'

export function parseSnapshot(text: string): TransactionSnapshot {
  const [oldest = '0', next = '0', open = ''] = text.split(':')
  return {
    oldest: BigInt(oldest),
    next: BigInt(next),
    open: new Set(open === '' ? [] : open.split(',').map((xid) => low32(BigInt(xid)))),
  }
}

/** `xid`: its lower 32 bits, of a transaction that has committed. */
export function isShown({ next, open }: TransactionSnapshot, xid: number): boolean {
  if (open.has(xid)) return false
  // The numbers wrap around: the later one of two is less than 2^31 ahead.
  return (low32(next) - xid) >>> 0 < 0x8000_0000 && low32(next) !== xid
}

function low32(xid: bigint): number {
  return Number(xid & 0xffff_ffffn)
}
