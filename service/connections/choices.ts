/**
 * The values of a connection's options, without the schema library: the command line shows them before it
 * loads anything else.
 */
export const connectionChoices = {
  syncMode: ['full_refresh', 'incremental'],
  destinationSyncMode: ['append', 'overwrite', 'append_dedup', 'overwrite_dedup'],
  metadata: ['full', 'minimal', 'none'],
  types: ['source', 'portable'],
  deletes: ['hard', 'soft'],
  log: ['embedded', 'kafka'],
  framing: ['block', 'record'],
  /** The format of rows in topics. */
  format: ['json', 'avro'],
  envelope: ['row', 'debezium'],
  /**
   * propagate: follow the source. ignore: keep to the approved schema. block_until_approved: read nothing
   * until the change is approved.
   */
  schemaDrift: ['propagate', 'ignore', 'block_until_approved'],
  catchUp: ['once', 'skip'],
} as const
