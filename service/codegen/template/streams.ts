import type { Connection } from './documents.ts'
import { streamIds, type Streams } from './instance.ts'

// ---------------------------------------------------------------------------------------------------
// Streams
// ---------------------------------------------------------------------------------------------------

export type StreamName = keyof Streams

type ColumnOf<Name extends StreamName> = Extract<keyof Streams[Name], string>

/** Null: NULL. `hash`: equal values have equal hashes. */
export type Mask = null | 'hash' | { readonly constant: string } | { readonly keep_last: number }

/** A stream, and how it is read and loaded: the stream's suggestion is used for omitted fields. */
export type StreamChoice = {
  [Name in StreamName]: {
    readonly stream: Name
    readonly syncMode?: 'full_refresh' | 'incremental'
    readonly destinationSyncMode?: 'append' | 'overwrite' | 'append_dedup' | 'overwrite_dedup'
    readonly cursorField?: ColumnOf<Name>
    readonly primaryKey?: readonly ColumnOf<Name>[]
    /** The columns that are read. Default: all. */
    readonly columns?:
      | readonly ColumnOf<Name>[]
      | { readonly include: readonly ColumnOf<Name>[] }
      | { readonly exclude: readonly ColumnOf<Name>[] }
    /** Names at the destination, by those at the source. */
    readonly rename?: Readonly<Partial<Record<ColumnOf<Name>, string>>>
    /** The condition that records must fulfil: `status = 'paid' and deleted_at is null`. */
    readonly where?: string
    /** How values are hidden, by the name of their column at the source. */
    readonly mask?: Readonly<Partial<Record<ColumnOf<Name>, Mask>>>
    /** The name of its table. Default: the name of the stream. */
    readonly table?: string
    /** Indexes, constraints and so on of the source's table that its table has too, from PostgreSQL. */
    readonly with?: Connection['options']['with']
    readonly transform?: `function:${string}`
  }
}[StreamName]

/** The name that this file has for a stream of a response; undefined if this file does not know it. */
export function streamNameOf(stream: {
  readonly name: string
  readonly namespace?: string | null | undefined
}): StreamName | undefined {
  for (const [key, { name, namespace }] of streamIds)
    if (name === stream.name && (namespace ?? null) === (stream.namespace ?? null))
      return key as StreamName
  return undefined
}

interface AnyStreamChoice {
  readonly stream: string
  readonly syncMode?: string
  readonly destinationSyncMode?: string
  readonly cursorField?: string
  readonly primaryKey?: readonly string[]
  readonly columns?: object
  readonly rename?: object
  readonly where?: string
  readonly mask?: object
  readonly table?: string
  readonly with?: readonly string[] | undefined
  readonly transform?: string
}

function streamBinding(choice: string | AnyStreamChoice): object {
  const { stream, ...how }: AnyStreamChoice =
    typeof choice === 'string' ? { stream: choice } : choice
  const id = streamIds.get(stream)
  return {
    ...(id?.namespace === undefined ? { name: stream } : id),
    sync_mode: how.syncMode,
    destination_sync_mode: how.destinationSyncMode,
    cursor_field: how.cursorField,
    primary_key: how.primaryKey,
    columns: how.columns,
    rename: how.rename,
    where: how.where,
    mask: how.mask,
    table: how.table,
    with: how.with,
    transform: how.transform,
  }
}

/** A text that names exactly this stream, for a service that takes a stream as one text. */
function streamText(stream: string): string {
  const { name, namespace }: { name: string; namespace?: string } = streamIds.get(stream) ?? {
    name: stream,
  }
  const parts = namespace === undefined ? [name] : [namespace, name]
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.')
}

export { streamBinding, streamText }
