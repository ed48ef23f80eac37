import { DatabaseError } from 'pg'
import { ConnectError, networkFailure } from '../../protocol/index.ts'
import type { ErrorCodeName, ErrorDetails } from '../../protocol/index.ts'
import type { PostgresAddress } from './postgres-address.ts'

const codes: Readonly<Record<string, ErrorCodeName>> = {
  '28000': 'destination_credentials_refused',
  '28P01': 'destination_credentials_refused',
  '3D000': 'destination_database_missing',
  '42501': 'destination_permission_denied',
  '25006': 'destination_read_only',
  '53100': 'destination_disk_full',
  '40001': 'destination_connection_lost',
  '40P01': 'destination_connection_lost',
  '57014': 'destination_connection_lost',
  '57P01': 'destination_connection_lost',
  '57P02': 'destination_connection_lost',
  '57P03': 'destination_unreachable',
  '57P05': 'destination_connection_lost',
  '25P03': 'destination_connection_lost',
}
/** Classes of SQLSTATE: connection exception, insufficient resources. */
const classes: Readonly<Record<string, ErrorCodeName>> = {
  '08': 'destination_connection_lost',
  '53': 'destination_busy',
}

const networkCodes: Readonly<
  Record<NonNullable<ReturnType<typeof networkFailure>>['kind'], ErrorCodeName>
> = {
  unreachable: 'destination_unreachable',
  tls: 'destination_tls_failed',
  credentials: 'destination_credentials_refused',
  lost: 'destination_connection_lost',
}

/** Whatever pg, the server or the network threw, as the ConnectError that says what to do. Never quotes a row. */
export function destinationError(
  thrown: unknown,
  address: PostgresAddress,
  table?: string,
): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  const { host, port, user, database } = address
  const place = { host, port, user, database, ...(table !== undefined && { table }) }
  if (thrown instanceof DatabaseError) return serverError(thrown, place)
  const failure = networkFailure(thrown)
  if (failure === undefined) return ConnectError.from(thrown)
  return new ConnectError(networkCodes[failure.kind], {
    details: { ...place, reason: failure.reason },
    cause: thrown,
  })
}

function serverError(error: DatabaseError, place: ErrorDetails): ConnectError {
  const sqlstate = error.code ?? 'XX000'
  const code = codes[sqlstate] ?? classes[sqlstate.slice(0, 2)] ?? 'destination_query_failed'
  // Messages of class 22 and 23 quote values of rows; so do those of the user's own functions (P0).
  const quotesRows = /^(22|23|P0|XX|39|38)/.test(sqlstate)
  const reason = quotesRows ? `class ${sqlstate.slice(0, 2)}${constraintOf(error)}` : error.message
  return new ConnectError(code, {
    details: { table: 'the destination', ...place, sqlstate, reason },
    cause: error,
  })
}

function constraintOf({ constraint }: DatabaseError): string {
  return constraint === undefined ? '' : `, constraint ${constraint}`
}
