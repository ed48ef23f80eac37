/** The tables of the bookkeeping with their columns, as the migrations leave them. */
export const bookkeepingColumns: Readonly<Record<string, readonly string[]>> = {
  migrations: ['version', 'applied_at'],
  runs: ['connection', 'run', 'ended', 'key', 'start', 'started_at', 'started_by'],
  streams: [
    ...['id', 'connection', 'namespace', 'name', 'table_schema', 'table_name', 'settings'],
    ...['columns', 'key_index', 'staged', 'run', 'sync_id', 'generation_id', 'epoch', 'complete'],
    ...['started_at', 'finished_at', 'sync_start', 'table_notes', 'attempt_keys', 'attempt'],
    ...['planned', 'table_oid', 'bookkeeping_oid', 'had_rows', 'table_warnings'],
    ...['earlier_tables', 'merged_key', 'begin_warnings'],
  ],
  slices: [
    ...['stream_id', 'slice', 'ordinal', 'partition', 'planned_sync', 'state', 'seq', 'loaded'],
    ...['rejected', 'complete', 'updated_at', 'run_loaded', 'run_rejected', 'run_nulled'],
    'run_cut',
  ],
  positions: ['stream_id', 'partition', 'next', 'columns'],
  rejected_records: ['stream_id', 'sync_id', 'slice', 'seq', 'reason', 'rejected_at', 'key'],
}
