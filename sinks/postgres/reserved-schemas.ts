import { ConnectError } from '../../protocol/index.ts'
import type { SinkStream } from '../sink.ts'
import type { StreamTarget } from './stream-target.ts'

const reserved = /^(pg_.*|information_schema|reactor_connect|reactor_connect_service|pgboss)$/i

/**
 * Whether a schema is PostgreSQL's own, or holds the checkpoints or the service's tables. A source chooses the names of its
 * schemas: one of these would let it add rows to the service's users.
 */
export function isReservedSchema(schema: string): boolean {
  return reserved.test(schema)
}

/** Before anything is made. Throws `destination_schema_reserved`. */
export function requireOpenSchema({ stream }: SinkStream, { table }: StreamTarget): void {
  if (!isReservedSchema(table.schema)) return
  const details = { stream: stream.stream.name, schema: table.schema }
  throw new ConnectError('destination_schema_reserved', { details })
}
