import { streamKey, type AirbyteCatalog, type AirbyteStream } from '../../../protocol/index.ts'
import { matchingStreams } from '../../../plan/streams/find-stream.ts'
import type { Connection, StreamBinding } from '../schema.ts'
import type { SchemaChange } from '../../schema-changes/schema.ts'
import { schemaChanges } from '../../schema-changes/schema-changes.ts'

/**
 * The present schema of the source, and the approved one. Both have the streams that the connection selects,
 * and no others.
 */
export interface SchemaJudgement {
  readonly seen: AirbyteCatalog
  /**
   * The approved schema. It includes streams that were selected since, as they are when they are seen first:
   * selecting them approved them. If nothing was approved yet, it is the present schema.
   */
  readonly approved: AirbyteCatalog
  /** `approved` differs from the stored approved schema, and should replace it. */
  readonly isNew: boolean
  readonly changes: readonly SchemaChange[]
}

/** Pure. `approvedBefore`: the stored approved catalog, or null if there is none. */
export function judgeSchema(
  { streams }: Pick<Connection, 'streams'>,
  catalog: AirbyteCatalog,
  approvedBefore: AirbyteCatalog | null,
): SchemaJudgement {
  const seen = seenStreams(streams, catalog, approvedBefore)
  const { approved, isNew } = approvedStreams(streams, seen, approvedBefore)
  return {
    seen,
    approved,
    isNew,
    changes: schemaChanges(approved, seen),
  }
}

/**
 * The part of a catalog that a connection selects, which is stored as approved. Streams that the catalog does
 * not have are left out.
 */
export function selectedCatalog(
  { streams }: Pick<Connection, 'streams'>,
  catalog: AirbyteCatalog,
): AirbyteCatalog {
  return seenStreams(streams, catalog, null)
}

/**
 * A name means the stream that was approved under it, even if it has become ambiguous, or could mean another
 * stream now.
 */
function seenStreams(
  bindings: readonly StreamBinding[] | null,
  catalog: AirbyteCatalog,
  approvedBefore: AirbyteCatalog | null,
): AirbyteCatalog {
  if (bindings === null) return { streams: catalog.streams }
  const byKey = new Map(catalog.streams.map((stream) => [streamKey(stream), stream]))
  const boundStreams = bindings.flatMap((binding) => {
    const before = approvedBefore === null ? undefined : findBound(approvedBefore, binding)
    const stream = before === undefined ? findBound(catalog, binding) : byKey.get(streamKey(before))
    return stream ?? []
  })
  return { streams: [...new Set(boundStreams)] }
}

function approvedStreams(
  bindings: readonly StreamBinding[] | null,
  seen: AirbyteCatalog,
  approvedBefore: AirbyteCatalog | null,
): Pick<SchemaJudgement, 'approved' | 'isNew'> {
  if (approvedBefore === null) return { approved: seen, isNew: true }
  if (bindings === null) return { approved: approvedBefore, isNew: false }
  const before = seenStreams(bindings, approvedBefore, null)
  const known = new Set(before.streams.map(streamKey))
  const chosen = seen.streams.filter((stream) => !known.has(streamKey(stream)))
  const isSame = chosen.length === 0 && before.streams.length === approvedBefore.streams.length
  return isSame
    ? { approved: approvedBefore, isNew: false }
    : { approved: { streams: [...before.streams, ...chosen] }, isNew: true }
}

/** Undefined if the catalog has no such stream, or several. */
function findBound(catalog: AirbyteCatalog, binding: StreamBinding): AirbyteStream | undefined {
  const matching = matchingStreams(catalog.streams, binding)
  return matching.length === 1 ? matching[0] : undefined
}
