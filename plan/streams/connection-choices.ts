import { instanceChoices } from '../../sinks/instance/instance-choices.ts'
import { topicChoices } from '../../sinks/topic/topic-choices.ts'

/**
 * The values of a connection's options, without the schema library: the command line shows them before it
 * loads anything else.
 */
export const connectionChoices = {
  syncMode: ['full_refresh', 'incremental'],
  destinationSyncMode: ['append', 'overwrite', 'append_dedup', 'overwrite_dedup'],
  metadata: ['full', 'minimal', 'none'],
  types: ['source', 'portable'],
  /** The definitions that a table gets beside columns and key. */
  with: ['indexes', 'constraints', 'defaults', 'identity', 'collations', 'comments'],
  deletes: ['hard', 'soft'],
  log: ['embedded', 'kafka'],
  framing: ['block', 'record'],
  ...topicChoices,
  ...instanceChoices,
  /**
   * propagate: follow the source. backfill: that, and read rows again whose columns have changed. ignore:
   * keep to the approved schema. block_until_approved: read nothing until the change is approved.
   */
  schemaDrift: ['propagate', 'backfill', 'ignore', 'block_until_approved'],
  /** A run file has no approved schema. */
  fileSchemaDrift: ['propagate', 'backfill'],
  catchUp: ['once', 'skip'],
} as const
