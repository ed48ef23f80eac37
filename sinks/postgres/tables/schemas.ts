import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import { bookkeepingSchema } from '../postgres-place.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamTarget } from './stream-target.ts'

/** Whole families, so that a schema that the program makes later is reserved too. */
const reserved = /^(pg_.*|information_schema|reactor_(connect|sandbox_).*|pgboss)$/is

/**
 * Whether a schema is PostgreSQL's own, or holds checkpoints, sandboxes, jobs or the service's tables. A
 * source chooses the names of its schemas: one of these would let it add rows to the service's users. Upper
 * case is another schema, and as misleading.
 */
export function isReservedSchema(schema: string): boolean {
  return reserved.test(schema)
}

/**
 * Before anything is made. A sandbox loads into the schema of its own bookkeeping. Throws
 * `destination_schema_reserved`.
 */
export function requireOpenSchema(
  { stream }: SinkStream,
  { table }: StreamTarget,
  bookkeeping: string,
): void {
  const label = streamLabel(stream.stream)
  requireOpen(table.schema, bookkeeping, { subject: `Stream ${label}`, stream: label })
}

/** The same for the one schema of all streams, which `check` would make. */
export function requireOpenDestination(schema: string, bookkeeping: string): void {
  requireOpen(schema, bookkeeping, { subject: 'Every stream' })
}

function requireOpen(
  schema: string,
  bookkeeping: string,
  details: { readonly subject: string; readonly stream?: string },
): void {
  const isOwnSandbox = schema === bookkeeping && bookkeeping !== bookkeepingSchema
  if (isOwnSandbox || !isReservedSchema(schema)) return
  throw new ConnectError('destination_schema_reserved', { details: { ...details, schema } })
}

/** CREATE SCHEMA IF NOT EXISTS asks for the right to create even if the schema exists: look first. */
export async function schemaExists(session: DestinationSession, schema: string): Promise<boolean> {
  const rows = await session.rows('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
  return rows.length > 0
}
