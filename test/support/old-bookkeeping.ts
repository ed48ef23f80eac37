/** The columns that a migration of the destination's bookkeeping adds to its table of streams. */
const addedColumns: Readonly<Record<number, readonly string[]>> = {
  6: ['table_notes'],
  7: ['attempt_keys'],
  8: ['attempt', 'planned'],
  9: ['table_oid', 'bookkeeping_oid', 'had_rows', 'table_warnings'],
  10: ['earlier_tables'],
  11: ['merged_key'],
  12: ['begin_warnings'],
  13: ['told_run'],
  14: ['untold_counts'],
}

/** SQL that makes the bookkeeping one of an earlier version: that of before a migration from 6 on. */
export function bookkeepingBefore(migration: number): string {
  const drops = Object.entries(addedColumns)
    .filter(([version]) => Number(version) >= migration)
    .flatMap(([, columns]) => columns.map((column) => `DROP ${column}`))
  return `ALTER TABLE reactor_connect.streams ${drops.join(', ')};
    DELETE FROM reactor_connect.migrations WHERE version >= ${String(migration)}`
}
