import { DatabaseError } from 'pg'
import {
  ConnectError,
  networkFailure,
  type ErrorCodeName,
  type ErrorDetails,
} from '../../protocol/index.ts'
import type { PostgresAddress } from './postgres-address.ts'

/** What was being done: the facts that the messages name. */
export interface ErrorPlace {
  readonly address: PostgresAddress
  readonly stream?: string
  readonly table?: string
}

/** SQLSTATE, or its class (two characters), to code. */
const codeOfState: Readonly<Record<string, ErrorCodeName>> = {
  '25006': 'destination_read_only',
  '28': 'destination_credentials_refused',
  '3D000': 'destination_database_missing',
  '40': 'destination_conflict',
  '42501': 'destination_permission_denied',
  '53': 'destination_busy',
  '53100': 'destination_disk_full',
  '55P03': 'destination_conflict',
  '57P01': 'destination_connection_lost',
  '57P02': 'destination_connection_lost',
  '57P03': 'destination_connection_lost',
  '57P05': 'destination_connection_lost',
  '08': 'destination_connection_lost',
  '23': 'destination_constraint_violated',
  '25P03': 'destination_connection_lost',
}

const codeOfNetwork = {
  unreachable: 'destination_unreachable',
  tls: 'destination_tls_failed',
  credentials: 'destination_credentials_refused',
  lost: 'destination_connection_lost',
} as const

/** Whatever pg, the server or the network threw, as the ConnectError that says what to do. Never quotes a row. */
export function destinationError(thrown: unknown, place: ErrorPlace): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  const { host, port, user, database } = place.address
  const facts = {
    ...{ host, port, user, database },
    stream: place.stream ?? '(none)',
    table: place.table ?? '(none)',
  }
  if (thrown instanceof DatabaseError) return serverError(thrown, facts)
  const failure = networkFailure(thrown)
  if (failure === undefined) return ConnectError.from(thrown)
  const details = { ...facts, reason: failure.reason }
  return new ConnectError(codeOfNetwork[failure.kind], { details, cause: thrown })
}

function serverError(error: DatabaseError, facts: ErrorDetails): ConnectError {
  const sqlstate = error.code ?? 'XX000'
  const code =
    codeOfState[sqlstate] ?? codeOfState[sqlstate.slice(0, 2)] ?? 'destination_query_failed'
  const needsTls = sqlstate === '28000' && /no encryption|SSL off/.test(error.message)
  // The messages of data exceptions and violated constraints quote values.
  const reason = /^2[23]/.test(sqlstate) ? `SQLSTATE ${sqlstate}` : error.message
  const constraint = error.constraint ?? error.column ?? '(unnamed)'
  return new ConnectError(needsTls ? 'destination_tls_failed' : code, {
    details: { ...facts, sqlstate, reason, constraint },
    cause: error,
  })
}
