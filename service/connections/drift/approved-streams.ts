import type { AirbyteCatalog } from '../../../protocol/index.ts'
import { streamsIn } from '../connection-streams.ts'
import type { ResolvedStreams } from '../../../plan/streams/resolve-streams.ts'
import type { Connection } from '../schema.ts'
import type { InstanceService } from '../../instances/contract.ts'
import type { DriftStore } from './contract.ts'
import { judgeSchema } from './judge-schema.ts'

export interface ApprovedStreams {
  readonly resolved: ResolvedStreams
  /** The selected streams, as the source has them now. */
  readonly seen: AirbyteCatalog
  /** All streams that the source has. */
  readonly all: AirbyteCatalog
  /** Null if nothing has been approved yet. */
  readonly approved: AirbyteCatalog | null
}

/**
 * The streams that a run of the connection would read now: a name means the stream that was approved under
 * it, and no other one. Throws `stream_not_found` and what `discover` throws.
 */
export async function approvedStreams(
  connection: Connection,
  {
    instances,
    store,
  }: {
    readonly instances: Pick<InstanceService, 'discover'>
    readonly store: { readonly drift: Pick<DriftStore, 'approved'> }
  },
): Promise<ApprovedStreams> {
  const approved = await store.drift.approved(connection.id)
  const { catalog: all } = await instances.discover(connection.from, { refresh: true })
  const { seen } = judgeSchema(connection, all, approved)
  return { resolved: streamsIn(seen, connection, all), seen, all, approved }
}
