import { streamKey, type AirbyteCatalog } from '../../../protocol/index.ts'
import type { Connection } from '../schema.ts'
import type { InstanceService } from '../../instances/contract.ts'
import type { Run } from '../../runs/schema.ts'
import {
  followsSource,
  type SchemaChange,
  type SchemaDrift,
  type SchemaDriftPolicy,
} from '../../schema-changes/schema.ts'
import type { DriftStore } from './contract.ts'
import { catalogFingerprint } from '../../schema-changes/catalog-shape.ts'
import { driftBlocked } from './drift-errors.ts'
import { judgeSchema, type SchemaJudgement } from './judge-schema.ts'
import { keepToApproved } from './keep-to-approved.ts'
import { firstChanges } from '../../schema-changes/schema-changes.ts'

/** How many changes a connection and a run store. */
const maxStored = { changes: 100, columns: 100 }

export interface SettleOptions {
  readonly connection: Connection
  readonly run: Pick<Run, 'id' | 'schemaChanges'>
  readonly owner: string
  readonly instances: Pick<InstanceService, 'discover'>
  readonly store: Pick<DriftStore, 'approved' | 'settle'>
  now(): number
  /** Called with the present schema before it is approved or waits for approval. Throws to refuse it. */
  admit(seen: AirbyteCatalog): Promise<void>
  /** Called with the changes (the first 100) before anything else is done about them. */
  onChanges(changes: readonly SchemaChange[], policy: SchemaDriftPolicy): void
}

/** The catalog that an attempt reads by. */
export interface SettledCatalog {
  /** The selected streams as they are to be read. */
  readonly catalog: AirbyteCatalog
  /** As the source has them now. */
  readonly seen: AirbyteCatalog
  /** All streams that the source has. */
  readonly all: AirbyteCatalog
  /** As they were approved before, also those that are gone. */
  readonly approved: AirbyteCatalog
}

/**
 * Reads the schema of the source, compares it with the approved one, and follows the connection's drift
 * policy. The result is stored before this resolves or throws. Throws `schema_drift_blocked` if the change
 * must be approved first, and what `discover` and `admit` throw. Undefined if the connection was changed in
 * the meantime, or the run belongs to another process: start over with the present state.
 */
export async function settleSchema(options: SettleOptions): Promise<SettledCatalog | undefined> {
  const { connection, instances, store } = options
  const before = await store.approved(connection.id)
  const { catalog } = await instances.discover(connection.from, { refresh: true })
  const judged = judgeSchema(connection, catalog, before)
  const policy = connection.options.schemaDrift ?? 'propagate'
  if (judged.changes.length > 0) options.onChanges(firstChanges(judged.changes, maxStored), policy)
  const drift = driftOf(judged, policy, options)
  // Ignored changes are not read.
  if (policy !== 'ignore') await options.admit(judged.seen)
  if (!(await keep(options, judged, drift))) return undefined
  if (drift?.status === 'blocked') throw driftBlocked(connection, drift)
  const reads = policy === 'ignore' ? keepToApproved(judged.approved, judged.seen) : judged.seen
  return { catalog: reads, seen: judged.seen, all: catalog, approved: judged.approved }
}

/** False if the result could not be stored. If nothing changed, there is nothing to store. */
async function keep(
  { connection, run, owner, store }: SettleOptions,
  judged: SchemaJudgement,
  drift: SchemaDrift | null,
): Promise<boolean> {
  const { seen, approved, isNew, changes } = judged
  const isFollowed = changes.length > 0 && drift === null
  const next = isNew ? approved : null
  if (!isFollowed && next === null && drift === null && connection.drift === null) return true
  return store.settle({
    connection,
    run: run.id,
    owner,
    approved: isFollowed ? mergeSeen(connection, judged) : next,
    drift: drift && { shown: drift, catalog: seen },
    changes: allChanges(run.schemaChanges, changes),
  })
}

/**
 * The present schema. A stream that the connection names stays approved when it is gone: its name must not
 * come to mean another one.
 */
function mergeSeen({ streams }: Connection, { seen, approved }: SchemaJudgement): AirbyteCatalog {
  if (streams === null) return seen
  const seenKeys = new Set(seen.streams.map(streamKey))
  const gone = approved.streams.filter((stream) => !seenKeys.has(streamKey(stream)))
  return { streams: [...seen.streams, ...gone] }
}

/** Null if there is no drift, or the run follows it. */
function driftOf(
  { changes, seen }: SchemaJudgement,
  policy: SchemaDriftPolicy,
  options: SettleOptions,
): SchemaDrift | null {
  if (changes.length === 0 || followsSource(policy)) return null
  return {
    status: policy === 'ignore' ? 'ignored' : 'blocked',
    fingerprint: catalogFingerprint(seen),
    changes: firstChanges(changes, maxStored),
    total: changes.length,
    run: options.run.id,
    detectedAt: new Date(options.now()).toISOString(),
  }
}

/** Includes those of earlier attempts. */
function allChanges(
  before: readonly SchemaChange[],
  now: readonly SchemaChange[],
): readonly SchemaChange[] {
  const known = new Set(before.map((change) => JSON.stringify(change)))
  const fresh = firstChanges(now, maxStored).filter((change) => !known.has(JSON.stringify(change)))
  return [...before, ...fresh].slice(0, maxStored.changes)
}
