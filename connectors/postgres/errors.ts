import { DatabaseError } from 'pg'
import { ConnectError } from '../../protocol/index.ts'
import type { ErrorCodeName, ErrorDetails } from '../../protocol/index.ts'

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
    column: place.column ?? '?',
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

const unreachable: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name could not be looked up',
  ECONNREFUSED: 'nothing listens on that port',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  EHOSTDOWN: 'the host is down',
  EADDRNOTAVAIL: 'the address cannot be used from this machine',
}

function networkError(thrown: unknown, place: ErrorPlace): ConnectError {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const code = systemCodeOf(thrown)
  const fail = (name: ErrorCodeName, reason: string): ConnectError =>
    new ConnectError(name, { details: { ...place, reason }, cause: thrown })
  const why = code === undefined ? undefined : unreachable[code]
  if (why !== undefined) return fail('source_unreachable', why)
  if (/timeout expired|timed out while connecting/i.test(message)) {
    return fail('source_unreachable', 'no answer within 10 seconds')
  }
  if (/does not support SSL/i.test(message))
    return fail('source_tls_failed', 'the server has TLS switched off')
  if (isTlsCode(code) || /SSL connection|certificate/i.test(message)) {
    return fail('source_tls_failed', tlsReason(code, message))
  }
  if (/^SASL|password must be/i.test(message)) {
    return fail(
      'source_credentials_refused',
      'the server asks for a password and none, or an unusable one, is set',
    )
  }
  if (isLost(code, message))
    return fail('source_connection_lost', 'the network or the server ended the session')
  return ConnectError.from(thrown)
}

/** The code of a system error; of the first one where several addresses were tried. */
function systemCodeOf(thrown: unknown): string | undefined {
  if (thrown instanceof AggregateError) return systemCodeOf(thrown.errors[0])
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

function isTlsCode(code: string | undefined): boolean {
  return code !== undefined && /CERT|SIGNATURE|^ERR_TLS|^ERR_SSL|^ERR_OSSL|UNABLE_TO_/.test(code)
}

function tlsReason(code: string | undefined, message: string): string {
  return code === undefined ? message : `${code}: ${message}`
}

function isLost(code: string | undefined, message: string): boolean {
  if (code !== undefined && /^(ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED|ERR_STREAM_)/.test(code)) {
    return true
  }
  return /connection (terminated|error|ended)|not queryable|connection was closed/i.test(message)
}
