import { DatabaseError } from 'pg'
import { fullPlaceOf, limitCommand } from '../../postgres/connection-limit.ts'
import { meaningOf, sqlstates, type StateMeaning } from '../../postgres/sqlstate.ts'
import { ConnectError, isOfDatabase, networkFailure, serverRefusal } from '../../protocol/index.ts'
import type { ErrorCodeName, ErrorDetails, NetworkFailure } from '../../protocol/index.ts'

/** The connector's activity when an error was thrown: the facts that the messages name. */
export interface SourcePlace {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  /** Shown name of the stream that was being read. */
  readonly stream?: string
  /** The cursor column that the query compares. */
  readonly cursor?: string
}

/**
 * Converts any error of pg, the server or the network to the ConnectError that says what to do. Never quotes
 * a row.
 */
export function sourceError(thrown: unknown, place: SourcePlace): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  if (thrown instanceof DatabaseError) return serverError(thrown, place)
  return networkError(thrown, place)
}

function serverError(error: DatabaseError, place: SourcePlace): ConnectError {
  const { sqlstate, reason } = serverRefusal(error)
  const { cursor, ...facts } = place
  const { stream, database } = place
  const details: ErrorDetails = {
    ...facts,
    ...(cursor !== undefined && { column: cursor }),
    subject: stream === undefined ? `Database ${database}` : `Stream ${stream}`,
    object: stream ?? objectOf(reason, place),
    sqlstate,
    reason,
  }
  const code = codeOf(sqlstate, error, place)
  const fix = code === 'source_busy' ? { fix: busyFix(error, place) } : {}
  const bytes = code === 'source_encoding_invalid' ? { bytes: bytesOf(error) } : {}
  // Without the server's error as the cause: a log would show its message and its details.
  return new ConnectError(code, { details: { ...details, ...fix, ...bytes } })
}

/** The server names a character at most: ` (0xe9 0x20)`. */
function bytesOf({ message }: DatabaseError): string {
  const bytes = /: ((?:0x[0-9a-f]{2} ?){1,4})$/i.exec(message)?.[1]
  return bytes === undefined ? '' : ` (${bytes.trimEnd()})`
}

function busyFix(error: DatabaseError, place: SourcePlace): string {
  const end = 'then run the connection again: no row is lost or doubled.'
  if (isOfDatabase(error)) return `Look at the body of the function that the reason names; ${end}`
  const full = fullPlaceOf(error)
  const needs =
    'A run needs one session for its snapshot and one for each of its `limits.parallel_lanes`; a stream that is tried again needs one more.'
  if (full === 'server')
    return `${needs} Raise \`max_connections\` of the source, end sessions that nobody uses, or lower \`limits.parallel_lanes\` of the connection; ${end}`
  if (full !== undefined)
    return `${needs} Raise the limit with ${limitCommand(full, place, 'N')}, or lower \`limits.parallel_lanes\` of the connection; ${end}`
  const means = error.code === sqlstates.diskFull ? 'disk' : 'memory'
  return `Free ${means} at the source, or give it more; ${end}`
}

const codeOfMeaning: Readonly<Partial<Record<StateMeaning, ErrorCodeName>>> = {
  connection_lost: 'source_connection_lost',
  credentials_refused: 'source_credentials_refused',
  database_missing: 'source_database_missing',
  deadlock: 'source_query_cancelled',
  disk_full: 'source_busy',
  lock_timeout: 'source_query_cancelled',
  permission_denied: 'source_permission_denied',
  query_cancelled: 'source_query_cancelled',
  serialization_failure: 'source_snapshot_lost',
  server_busy: 'source_busy',
  server_not_ready: 'source_unreachable',
  session_timeout: 'source_connection_lost',
  snapshot_too_old: 'source_snapshot_lost',
}

/** Errors that only a query of a stream can meet. */
const streamCodeOfMeaning: Readonly<Partial<Record<StateMeaning, ErrorCodeName>>> = {
  schema_missing: 'source_stream_missing',
  table_missing: 'source_stream_missing',
  text_invalid: 'source_encoding_invalid',
}

function codeOf(sqlstate: string, error: DatabaseError, place: SourcePlace): ErrorCodeName {
  // An unknown snapshot has no code of its own: 22023 for a bad name, 42704 and 55000 for a snapshot that is
  // gone.
  if (/snapshot/i.test(error.message) && /^(22023|42704|55000)$/.test(sqlstate)) {
    return 'source_snapshot_lost'
  }
  // A pooler without transactions will not have them at the next attempt.
  const isPoolerInStatementMode = error.message.includes('transaction blocks not allowed')
  if (sqlstate === '08P01' && isPoolerInStatementMode) return 'source_query_failed'
  const ofStream = place.stream === undefined ? undefined : streamCodeOf(sqlstate, error, place)
  const meaning = meaningOf(sqlstate, error.where)
  return ofStream ?? (meaning && codeOfMeaning[meaning]) ?? 'source_query_failed'
}

function streamCodeOf(
  sqlstate: string,
  error: DatabaseError,
  { cursor }: SourcePlace,
): ErrorCodeName | undefined {
  if (isOfForeignServer(sqlstate, error)) return 'source_foreign_server_unreachable'
  // A missing function belongs to a view; a missing operator is the operator that compares the cursor.
  const isOperator = sqlstate === '42883' && error.routine === 'op_error'
  if (cursor !== undefined && isOperator) return 'source_cursor_invalid'
  // A function may miss what it wants: the stream is there.
  if (isOfDatabase(error)) return undefined
  const meaning = meaningOf(sqlstate)
  return meaning && streamCodeOfMeaning[meaning]
}

function objectOf(reason: string, place: SourcePlace): string {
  return /permission denied for (.+)$/.exec(reason)?.[1] ?? `database ${place.database}`
}

/**
 * A server that can still name the routine has its session with us: another connection of the server failed.
 */
function isOfForeignServer(sqlstate: string, error: DatabaseError): boolean {
  return /^0800[01346]$/.test(sqlstate) && error.routine !== undefined
}

const networkCodes: Readonly<Record<NetworkFailure['kind'], ErrorCodeName>> = {
  unreachable: 'source_unreachable',
  tls: 'source_tls_failed',
  credentials: 'source_credentials_refused',
  lost: 'source_connection_lost',
}

function networkError(thrown: unknown, place: SourcePlace): ConnectError {
  const failure = networkFailure(thrown)
  if (failure === undefined) return ConnectError.from(thrown)
  const { host, port, user, database } = place
  const details = { host, port, user, database, reason: failure.reason }
  return new ConnectError(networkCodes[failure.kind], { details, cause: thrown })
}
