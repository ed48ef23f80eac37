import type { SandboxStream } from '../../engine/sandbox/sandbox-report.ts'
import type { DestinationPlan } from '../../engine/sandbox/any-sandbox.ts'
import { ConnectError, streamIdOf, streamKey, type AirbyteCatalog } from '../../protocol/index.ts'
import { streamsIn } from '../connections/connection-streams.ts'
import type { ResolvedStreams } from '../../plan/streams/resolve-streams.ts'
import type { Connection } from '../connections/schema.ts'
import type { IgnoredRun, SandboxDrift } from './schema.ts'
import { changeDocument } from '../schema-changes/change-document.ts'
import { judgeSchema, type SchemaJudgement } from '../connections/drift/judge-schema.ts'
import { keepToApproved, requireReadable } from '../connections/drift/keep-to-approved.ts'
import { firstChanges } from '../schema-changes/schema-changes.ts'

/** The same number of changes as a run stores. */
const shown = { changes: 100, columns: 100 }

export interface DriftInput {
  readonly connection: Connection
  /** All streams that the source has. */
  readonly all: AirbyteCatalog
  /** Null: nothing has been approved yet. */
  readonly approved: AirbyteCatalog | null
}

export interface DriftPorts {
  readonly planOf: (resolved: ResolvedStreams) => DestinationPlan
  /** Reads and compares the streams of the plan, and leaves nothing behind. */
  readonly tryOut: (plan: DestinationPlan) => Promise<readonly SandboxStream[]>
}

/**
 * How the source differs from the approved schema; for `ignore`, also what the next run does, which does not
 * follow it.
 */
export async function sandboxDrift(
  { connection, all, approved }: DriftInput,
  ports: DriftPorts,
): Promise<SandboxDrift | null> {
  const judged = judgeSchema(connection, all, approved)
  if (judged.changes.length === 0) return null
  const policy = connection.options.schemaDrift ?? 'propagate'
  return {
    policy,
    changes: firstChanges(judged.changes, shown).map(changeDocument),
    total: judged.changes.length,
    ignored_run: policy === 'ignore' ? await ignoredRun(connection, { judged, all }, ports) : null,
  }
}

async function ignoredRun(
  connection: Connection,
  { judged, all }: { readonly judged: SchemaJudgement; readonly all: AirbyteCatalog },
  { planOf, tryOut }: DriftPorts,
): Promise<IgnoredRun> {
  const { changes, approved, seen } = judged
  const unread = changes.flatMap(({ change, ...stream }) =>
    change === 'changed' ? [] : [streamIdOf(stream)],
  )
  const changed = new Set(
    changes.filter(({ change }) => change === 'changed').map((stream) => streamKey(stream)),
  )
  try {
    const resolved = streamsIn(keepToApproved(approved, seen), connection, all)
    requireReadable(connection, resolved, seen)
    const plan = planOf(resolved)
    const streams = plan.streams.filter(({ stream }) =>
      changed.has(streamKey(streamIdOf(stream.stream))),
    )
    return {
      streams: streams.length === 0 ? [] : await tryOut({ ...plan, streams }),
      unread,
      error: null,
    }
  } catch (thrown) {
    if (!(thrown instanceof ConnectError)) throw thrown
    if (thrown.code === 'unexpected' || thrown.code === 'sandbox_stopped') throw thrown
    return { streams: [], unread, error: thrown.toJSON() }
  }
}
