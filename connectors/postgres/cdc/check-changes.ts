import { ConnectError } from '../../../protocol/index.ts'
import type { ConnectorContext } from '../../connector.ts'
import type { PostgresConfig } from '../config.ts'
import { ReplicationConnection } from './replication-connection.ts'
import { noFreeSlot, unavailable } from './replication-errors.ts'
import { requireReplication } from './server-facts.ts'
import { ServerSession } from './server-session.ts'
import { findSlot, lossOf, requireOwn } from './slot.ts'

/** Throws a ConnectError that says what is missing for change data capture. Changes nothing. */
export async function checkChanges(
  config: PostgresConfig,
  { logger }: Pick<ConnectorContext, 'logger'>,
): Promise<void> {
  await using session = await ServerSession.open(config, logger)
  await requireReplication(session, config)
  const slot = await findSlot(session, config.slot)
  if (slot === undefined) await requireFreeSlot(session, config)
  else {
    requireOwn(slot, config)
    const lost = lossOf(slot)
    if (lost !== undefined && config.on_lost_slot === 'fail') {
      const { host, port } = config
      throw new ConnectError('source_slot_lost', {
        details: { host, port, slot: config.slot, reason: lost },
      })
    }
  }
  const connection = await ReplicationConnection.open(config)
  try {
    await connection.identify()
  } finally {
    await connection.close()
  }
}

async function requireFreeSlot(session: ServerSession, config: PostgresConfig): Promise<void> {
  const [row] = await session.rows<{ isFull: boolean }>(
    `SELECT count(*) >= current_setting('max_replication_slots')::int AS "isFull" FROM pg_replication_slots`,
  )
  if (row?.isFull === true) throw unavailable(config, noFreeSlot)
}
