import { ConnectError, streamLabel } from '../../protocol/index.ts'
import type { SinkStream } from '../sink.ts'
import { bookkeepingSchema } from './postgres-address.ts'
import type { StreamTarget } from './stream-target.ts'

/** Whole families, so that a schema that the program makes later is reserved too. */
const reserved = /^(pg_.*|information_schema|reactor_(connect|sandbox_).*|pgboss)$/is

/**
 * Whether a schema is PostgreSQL's own, or holds checkpoints, sandboxes, jobs or the service's tables. A source chooses the names of
 * its schemas: one of these would let it add rows to the service's users. Upper case is another schema, and as misleading.
 */
export function isReservedSchema(schema: string): boolean {
  return reserved.test(schema)
}

/** Before anything is made. A sandbox loads into the schema of its own bookkeeping. Throws `destination_schema_reserved`. */
export function requireOpenSchema(
  { stream }: SinkStream,
  { table }: StreamTarget,
  bookkeeping: string,
): void {
  const isOwnSandbox = table.schema === bookkeeping && bookkeeping !== bookkeepingSchema
  if (isOwnSandbox || !isReservedSchema(table.schema)) return
  const details = { stream: streamLabel(stream.stream), schema: table.schema }
  throw new ConnectError('destination_schema_reserved', { details })
}
