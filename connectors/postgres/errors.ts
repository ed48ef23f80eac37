import { DatabaseError } from 'pg'
import { ConnectError, networkFailure } from '../../protocol/index.ts'
import type { ErrorCodeName, ErrorDetails, NetworkFailure } from '../../protocol/index.ts'

/** What the connector was doing when something was thrown: the facts that the messages name. */
export interface ErrorPlace {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** Shown name of the stream, where one was being read. */
  readonly stream?: string
  readonly column?: string
}

/** Whatever pg, the server or the network threw, as the ConnectError that says what to do. Never quotes a row. */
export function sourceError(thrown: unknown, place: ErrorPlace): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  if (thrown instanceof DatabaseError) return serverError(thrown, place)
  return networkError(thrown, place)
}

function serverError(error: DatabaseError, place: ErrorPlace): ConnectError {
  const sqlstate = error.code ?? 'XX000'
  const code = codeOf(sqlstate, error, place)
  const details: ErrorDetails = {
    ...place,
    stream: place.stream ?? place.database,
    sqlstate,
    reason: reasonOf(sqlstate, error),
    object: place.stream ?? objectOf(error, place),
  }
  return new ConnectError(code, { details, cause: error })
}

const codes: Readonly<Record<string, ErrorCodeName>> = {
  '28000': 'source_credentials_refused',
  '28P01': 'source_credentials_refused',
  '3D000': 'source_database_missing',
  '3F000': 'source_stream_missing',
  '42P01': 'source_stream_missing',
  '42501': 'source_permission_denied',
  '42703': 'source_column_missing',
  '42883': 'source_cursor_invalid',
  '22021': 'source_encoding_invalid',
  '22P05': 'source_encoding_invalid',
  '40001': 'source_snapshot_lost',
  '72000': 'source_snapshot_lost',
  '57014': 'source_connection_lost',
  '57P01': 'source_connection_lost',
  '57P02': 'source_connection_lost',
  '57P03': 'source_unreachable',
  '57P05': 'source_connection_lost',
  '25P03': 'source_connection_lost',
  '25P04': 'source_connection_lost',
}
/** Classes of SQLSTATE: connection exception, insufficient resources. */
const classes: Readonly<Record<string, ErrorCodeName>> = {
  '08': 'source_connection_lost',
  '53': 'source_busy',
}

function codeOf(sqlstate: string, error: DatabaseError, place: ErrorPlace): ErrorCodeName {
  // An unknown snapshot has no code of its own: 22023 for a bad name, 42704 and 55000 for one that is gone.
  if (/snapshot/i.test(error.message) && /^(22023|42704|55000)$/.test(sqlstate)) {
    return 'source_snapshot_lost'
  }
  const code = codes[sqlstate] ?? classes[sqlstate.slice(0, 2)] ?? 'source_query_failed'
  const needsCursor = code === 'source_cursor_invalid' || code === 'source_column_missing'
  return needsCursor && place.column === undefined ? 'source_query_failed' : code
}

/** Messages of class 22 and 23, and of functions of the user (P0), quote values of rows. */
function reasonOf(sqlstate: string, error: DatabaseError): string {
  return /^(22|23|P0|XX|39|38)/.test(sqlstate) ? `class ${sqlstate.slice(0, 2)}` : error.message
}

function objectOf(error: DatabaseError, place: ErrorPlace): string {
  return /permission denied for (.+)$/.exec(error.message)?.[1] ?? `database ${place.database}`
}

const networkCodes: Readonly<Record<NetworkFailure['kind'], ErrorCodeName>> = {
  unreachable: 'source_unreachable',
  tls: 'source_tls_failed',
  credentials: 'source_credentials_refused',
  lost: 'source_connection_lost',
}

function networkError(thrown: unknown, place: ErrorPlace): ConnectError {
  const failure = networkFailure(thrown)
  if (failure === undefined) return ConnectError.from(thrown)
  const details = { ...place, reason: failure.reason }
  return new ConnectError(networkCodes[failure.kind], { details, cause: thrown })
}
