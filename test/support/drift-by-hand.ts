import type { AirbyteCatalog } from '../../protocol/index.ts'
import type { SchemaChange, SchemaDrift } from '../../service/schema-changes/schema.ts'
import type { Store } from '../../service/store/store.ts'
import { handOwner } from './run-by-hand.ts'

const catalog: AirbyteCatalog = { streams: [] }

/**
 * Stores the schema changes that a run found in its source. The run has to be queued, and is running
 * afterwards.
 */
export async function settleDrift(
  { connections, drift, runs }: Pick<Store, 'connections' | 'drift' | 'runs'>,
  run: string,
  found: { readonly drift?: SchemaDrift; readonly changes?: readonly SchemaChange[] },
): Promise<void> {
  const claimed = await runs.claim(run, handOwner, 60_000)
  if (claimed === null) throw new Error(`the run ${run} is worked on already`)
  const connection = await connections.get(claimed.connection)
  const isKept = await drift.settle({
    connection,
    run,
    owner: handOwner,
    approved: null,
    changes: found.changes ?? [],
    drift: found.drift === undefined ? null : { shown: found.drift, catalog },
  })
  if (!isKept) throw new Error('what the run found was not kept')
}
