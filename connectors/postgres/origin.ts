import { z } from 'zod'
import type { SourceSession } from './session.ts'
import type { StreamSource } from './stream-source.ts'

/**
 * The table of a state. `system`: the identifier of the server's cluster, null if the server does not say it.
 * `relation`: null for views and foreign tables, which hold no rows and can be made again without harm. A
 * restore or an upgrade may change each of them.
 */
export const origin = z.object({
  system: z.string().nullable(),
  database: z.number(),
  relation: z.number().nullable(),
})
export type Origin = z.infer<typeof origin>

/** The fields that all tables of a snapshot share. */
export const server = origin.pick({ system: true, database: true })
export type Server = z.infer<typeof server>

export async function serverOf(session: SourceSession): Promise<Server> {
  const [row] = await session.rows<{ readonly database: number; readonly tellsSystem: boolean }>(
    `SELECT oid::int8::float8 AS database,
       coalesce(has_function_privilege(to_regprocedure('pg_catalog.pg_control_system()'), 'EXECUTE'), false) AS "tellsSystem"
     FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,
  )
  const [control] =
    row?.tellsSystem === true
      ? await session.rows<{ readonly system: string }>(
          'SELECT system_identifier::text AS system FROM pg_catalog.pg_control_system()',
        )
      : []
  return { system: control?.system ?? null, database: row?.database ?? 0 }
}

export function originOf(server: Server, { table }: StreamSource): Origin {
  return { ...server, relation: table.kind === 'r' || table.kind === 'p' ? table.oid : null }
}

/**
 * The difference between the table and the table of a state; undefined if it is the same, or the state does
 * not say.
 */
export function originChange(saved: Origin | undefined, present: Origin): string | undefined {
  if (saved === undefined) return undefined
  const { system, database, relation } = saved
  if (system !== null && present.system !== null && system !== present.system)
    return 'it is on another server, or on one that was restored or upgraded'
  if (database !== present.database) return 'it is in another database, or in one that was restored'
  if (relation !== null && present.relation !== null && relation !== present.relation)
    return 'it was dropped and created again, or replaced by another table with its name'
  return undefined
}
