import type { PlanValue } from '../log/kafka/message-schemas.ts'

/** The parts of a sync that a reader has. */
export interface SyncCopy {
  /** The newest one. */
  readonly plan: PlanValue
  /** For a mode that replaces the rows: SYNC_END has come from all partitions, and all records are here. */
  readonly isWhole: boolean
  /**
   * For a mode that replaces the rows: all of its records were rejected, so it does not replace the sync
   * before it.
   */
  readonly isRejected: boolean
}

/** Whether each sync replaces all rows. */
export function isOverwrite({
  destination_sync_mode: mode,
}: Pick<PlanValue, 'destination_sync_mode'>): boolean {
  return mode.startsWith('overwrite')
}

/** Those whose records make the table: the last one that has replaced all rows, if there is one, and those that add rows after it. */
export function syncsOfTable(syncs: readonly SyncCopy[]): readonly SyncCopy[] {
  const last = syncs.findLastIndex(({ isWhole, isRejected }) => isWhole && !isRejected)
  return syncs.filter(({ plan }, index) => index === last || (index > last && !isOverwrite(plan)))
}
