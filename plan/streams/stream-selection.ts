import type { RunPlan } from '../../engine/run-types.ts'
import type { AirbyteStream } from '../../protocol/index.ts'
import type { Metadata, SyncMode } from '../../sinks/sink.ts'
import type { StreamRuleFields } from './stream-rules-schema.ts'

/**
 * The settings of one stream, in the words of the run file and of HTTP. Omitted ones follow from what the
 * stream offers.
 */
export interface StreamFields extends StreamRuleFields {
  /** The name, optionally with its namespace: `public.customers`. */
  readonly name: string
  /** If it is given, the stream has this namespace and `name` is the name alone. */
  readonly namespace?: string | undefined
  readonly sync_mode?: AirbyteStream['supported_sync_modes'][number] | undefined
  readonly destination_sync_mode?: RunPlan['streams'][number]['mode'] | undefined
  readonly cursor_field?: string | undefined
  readonly primary_key?: readonly string[] | undefined
  /** `function:NAME`. */
  readonly transform?: string | undefined
}

/** Defaults for the streams that support them and have no setting of their own. */
export type StreamDefaults = Pick<
  StreamFields,
  'sync_mode' | 'destination_sync_mode' | 'cursor_field'
>

export interface StreamSelection {
  readonly connection: string
  readonly streams: 'all' | readonly (string | StreamFields)[]
  readonly defaults: StreamDefaults
  /** The modes of the destination: only these are chosen by default. Undefined: all. */
  readonly modes?: readonly SyncMode[] | undefined
  readonly metadata: Metadata
  /** The names of tables, with placeholders; undefined: the names of the streams. */
  readonly table?: string | undefined
  /** Undefined if it is not set: those of the source. */
  readonly types?: 'source' | 'portable' | undefined
  /** For streams that have none of their own; undefined: nothing. */
  readonly with?: StreamRuleFields['with']
  /** Undefined if it is not set: hard. */
  readonly deletes?: 'hard' | 'soft' | undefined
}
