/** What may be chosen of a connection, without the schema library: the command line shows it before it loads anything else. */
export const connectionChoices = {
  syncMode: ['full_refresh', 'incremental'],
  destinationSyncMode: ['append', 'overwrite', 'append_dedup', 'overwrite_dedup'],
  metadata: ['full', 'minimal'],
  deletes: ['hard', 'soft'],
  log: ['embedded', 'kafka'],
  framing: ['block', 'record'],
  /** propagate: follow the source. ignore: keep to what was approved. block_until_approved: read nothing until somebody approves. */
  schemaDrift: ['propagate', 'ignore', 'block_until_approved'],
  catchUp: ['once', 'skip'],
} as const
