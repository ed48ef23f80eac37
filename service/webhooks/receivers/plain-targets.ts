import type { Database, Row } from '../../platform/database/database.ts'
import type { PlainTarget } from './contract.ts'
import type { Dispatch } from './schema.ts'

const receivers = 'reactor_connect_service.receivers'
const dispatches = 'reactor_connect_service.webhook_dispatches'

/**
 * Whether a target has a query in plain text, as `isPlain` says; also the condition of the index
 * `webhook_dispatches_plain`.
 */
const plain = (target: string): string =>
  `${target} LIKE 'url:%?%' AND ${target} NOT LIKE '%#vault-%'`

interface PlainRow extends Row {
  readonly receiver_id: string
  readonly target: string
  readonly is_present: boolean
}

/** Nearly always none: a look into an index without entries, and at the receivers. */
export async function readPlainTargets(database: Database): Promise<readonly PlainTarget[]> {
  const rows = await database.query<PlainRow>(
    `SELECT receiver_id, target, bool_or(is_present) AS is_present FROM (
       SELECT receiver.id AS receiver_id, present ->> 'target' AS target, true AS is_present
       FROM ${receivers} AS receiver, json_array_elements(receiver.dispatch) AS item (present)
       WHERE ${plain("present ->> 'target'")}
       UNION ALL
       SELECT DISTINCT receiver_id, target, false FROM ${dispatches} WHERE ${plain('target')}
     ) AS found GROUP BY receiver_id, target ORDER BY receiver_id, target`,
  )
  return rows.map((row) => ({
    receiverId: row.receiver_id,
    target: row.target,
    isPresent: row.is_present,
  }))
}

export async function hideTargets(
  database: Database,
  receiverId: string,
  hidden: ReadonlyMap<string, string>,
): Promise<void> {
  await database.transaction(async (session) => {
    // There may be months of dispatches.
    await session.query('SET LOCAL statement_timeout = 0')
    const [row] = await session.query<{ dispatch: readonly Dispatch[] }>(
      `SELECT dispatch FROM ${receivers} WHERE id = $1 FOR UPDATE`,
      [receiverId],
    )
    const dispatch = row?.dispatch.map((item) => ({
      ...item,
      target: hidden.get(item.target) ?? item.target,
    }))
    if (dispatch !== undefined)
      await session.query(`UPDATE ${receivers} SET dispatch = $2::json WHERE id = $1`, [
        receiverId,
        JSON.stringify(dispatch),
      ])
    for (const [target, stored] of hidden) {
      const values = [receiverId, target, stored]
      await session.query(
        `UPDATE ${dispatches} AS row SET target = $3
         WHERE receiver_id = $1 AND target = $2 AND ${plain('target')} AND NOT EXISTS (
           SELECT FROM ${dispatches} AS other
           WHERE other.delivery_id = row.delivery_id AND other.target = $3)`,
        values,
      )
      // The same event for the same target, which two versions stored side by side.
      await session.query(
        `DELETE FROM ${dispatches} WHERE receiver_id = $1 AND target = $2 AND ${plain('target')}`,
        values.slice(0, 2),
      )
    }
    await session.query(
      'DELETE FROM reactor_connect_service.webhook_targets WHERE target = ANY($1)',
      [[...hidden.keys()]],
    )
  })
}
