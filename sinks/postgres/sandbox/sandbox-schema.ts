import { z } from 'zod'
import { lockForSession } from '../advisory-locks.ts'
import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'
import { lockKey, quoteTable } from '../tables/identifiers.ts'
import type { PostgresPlace } from '../postgres-place.ts'
import { granteeName } from '../tables/grantee-name.ts'
import { DestinationSession } from '../session.ts'

/** The description of a sandbox in the comment of its schema. */
const comment = z.object({
  reactor_connect_sandbox: z.object({
    id: z.string(),
    connection: z.string(),
    created_at_ms: z.number(),
    expires_at_ms: z.number(),
  }),
})

/** A sandbox's schema, as a sweep finds it. */
export interface SandboxSchema {
  readonly id: string
  readonly schema: string
  /** The connection whose sandbox it is. */
  readonly connection: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

const prefix = 'reactor_sandbox_'

export function sandboxSchemaName(id: string): string {
  if (!/^sbx_[0-9A-Za-z]{1,32}$/.test(id)) throw new TypeError(`not the id of a sandbox: ${id}`)
  return prefix + id.slice('sbx_'.length).toLowerCase()
}

/**
 * The schema and its comment are one transaction: whatever is killed afterwards, a sweep finds the schema.
 * Nobody else may look into it, also if default privileges open all schemas: it gets rows of tables that may
 * have policies, or other rights.
 */
export async function createSandboxSchema(
  session: DestinationSession,
  { id, schema, connection, createdAtMs, expiresAtMs }: SandboxSchema,
): Promise<void> {
  const about = {
    reactor_connect_sandbox: {
      id,
      connection,
      created_at_ms: createdAtMs,
      expires_at_ms: expiresAtMs,
    },
  }
  await session.transaction(async () => {
    await session.run(`CREATE SCHEMA ${quoteIdentifier(schema)}`)
    const [found] = await session.rows<{ others: string | null }>(
      `SELECT string_agg(DISTINCT ${granteeName}, ', ') AS others FROM pg_namespace, aclexplode(nspacl)
        WHERE nspname = $1 AND grantee <> nspowner`,
      [schema],
    )
    const others = found?.others ?? null
    if (others !== null)
      await session.run(`REVOKE ALL ON SCHEMA ${quoteIdentifier(schema)} FROM ${others} CASCADE`)
    await session.run(
      `COMMENT ON SCHEMA ${quoteIdentifier(schema)} IS ${quoteLiteral(JSON.stringify(about))}`,
    )
  })
}

/** The schemas of all sandboxes in the database. A schema that only has such a name does not count. */
export async function listSandboxSchemas(place: PostgresPlace): Promise<readonly SandboxSchema[]> {
  await using session = await DestinationSession.open({ address: place.address })
  return await readSchemas(session)
}

async function readSchemas(session: DestinationSession): Promise<SandboxSchema[]> {
  const rows = await session.rows<{ schema: string; comment: string | null }>(
    `SELECT nspname AS schema, obj_description(oid, 'pg_namespace') AS comment
       FROM pg_namespace WHERE starts_with(nspname, $1) ORDER BY nspname`,
    [prefix],
  )
  return rows.flatMap((row) => {
    const about = parseComment(row.comment)
    if (about === undefined || nameOrNone(about.id) !== row.schema) return []
    const { id, connection, created_at_ms, expires_at_ms } = about
    const { schema } = row
    return [{ id, schema, connection, createdAtMs: created_at_ms, expiresAtMs: expires_at_ms }]
  })
}

/**
 * Ends what still works in the sandbox's schema, and drops it with all that is in it. One that is gone is not
 * an error.
 */
export async function dropSandboxSchema(place: PostgresPlace, id: string): Promise<void> {
  const schema = sandboxSchemaName(id)
  await using session = await DestinationSession.open({ address: place.address })
  // Held until the session ends: of two that drop the schema, the second finds nothing.
  await lockForSession(session, 'exclusive', {
    keys: [lockKey('sandbox', schema)],
    subject: `schema ${schema}`,
    seconds: 60,
  })
  const schemas = await readSchemas(session)
  if (!schemas.some((found) => found.schema === schema)) return
  await session.run(`SET lock_timeout = '60s'`)
  await session.rows(
    `SELECT pg_terminate_backend(a.pid, 10000)
       FROM (SELECT DISTINCT l.pid FROM pg_locks l
               JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND n.nspname = $1) l
       JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE a.usename = current_user AND a.pid <> pg_backend_pid()`,
    [schema],
  )
  await dropTables(session, schema)
  await session.run(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`)
}

/** In parts: every table takes locks, of which a transaction has a bounded number. */
const tablesAtOnce = 100

async function dropTables(session: DestinationSession, schema: string): Promise<void> {
  for (;;) {
    const tables = await session.rows<{ table: string }>(
      `SELECT c.relname AS table FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind = 'r' LIMIT ${tablesAtOnce}`,
      [schema],
    )
    if (tables.length === 0) return
    const list = tables.map(({ table }) => quoteTable({ schema, table })).join(', ')
    await session.run(`DROP TABLE IF EXISTS ${list} CASCADE`)
  }
}

function parseComment(
  text: string | null,
): z.infer<typeof comment>['reactor_connect_sandbox'] | undefined {
  if (text === null) return undefined
  try {
    return comment.safeParse(JSON.parse(text)).data?.reactor_connect_sandbox
  } catch {
    // Anybody may write a comment: this one is not ours.
    return undefined
  }
}

function nameOrNone(id: string): string | undefined {
  try {
    return sandboxSchemaName(id)
  } catch {
    return undefined
  }
}
