import { DatabaseError } from 'pg'
import { quoteIdentifier } from './quote.ts'
import { hasState } from './sqlstate.ts'

/** The place that has no room for another session. */
export type FullPlace = 'role' | 'database' | 'server'

/** By the server's routine: its message comes in the language of the server. */
const placeOfRoutine: ReadonlyMap<string | undefined, FullPlace> = new Map([
  ['InitializeSessionUserId', 'role'],
  ['CheckMyDatabase', 'database'],
])

/** Undefined if the server did not refuse a session for want of room. */
export function fullPlaceOf(thrown: unknown): FullPlace | undefined {
  if (!hasState(thrown, ['tooManyConnections']) || !(thrown instanceof DatabaseError))
    return undefined
  return placeOfRoutine.get(thrown.routine) ?? 'server'
}

/** The command that makes room, as code. */
export function limitCommand(
  place: FullPlace,
  { user, database }: { readonly user: string; readonly database: string },
  limit: string,
): string {
  if (place === 'role') return `\`ALTER ROLE ${quoteIdentifier(user)} CONNECTION LIMIT ${limit}\``
  if (place === 'database')
    return `\`ALTER DATABASE ${quoteIdentifier(database)} CONNECTION LIMIT ${limit}\``
  return `\`ALTER SYSTEM SET max_connections = ${limit}\` (and a restart)`
}
