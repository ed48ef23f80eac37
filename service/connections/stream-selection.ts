import type { RunPlan } from '../../engine/run-types.ts'
import type { AirbyteStream } from '../../protocol/index.ts'

/** What is said of one stream, in the words of the run file and of HTTP. What is left out is settled by what the stream offers. */
export interface StreamFields {
  /** Alone or with its namespace: `public.customers`. */
  readonly name: string
  /** Where it is given, the stream has this namespace and `name` is the name alone. */
  readonly namespace?: string | undefined
  readonly sync_mode?: AirbyteStream['supported_sync_modes'][number] | undefined
  readonly destination_sync_mode?: RunPlan['streams'][number]['mode'] | undefined
  readonly cursor_field?: string | undefined
  readonly primary_key?: readonly string[] | undefined
  readonly columns?: readonly string[] | undefined
}

/** What holds for the streams that can and say nothing themselves. */
export type StreamDefaults = Pick<
  StreamFields,
  'sync_mode' | 'destination_sync_mode' | 'cursor_field'
>

export interface StreamSelection {
  readonly connection: string
  readonly streams: 'all' | readonly (string | StreamFields)[]
  readonly defaults: StreamDefaults
  readonly metadata: 'full' | 'minimal'
  /** Undefined if nobody said it: hard. */
  readonly deletes?: 'hard' | 'soft' | undefined
}
