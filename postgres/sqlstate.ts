import { DatabaseError } from 'pg'

/** The states that the code looks for by name. */
export const sqlstates = {
  featureNotSupported: '0A000',
  cardinalityViolation: '21000',
  divisionByZero: '22012',
  notNullViolation: '23502',
  foreignKeyViolation: '23503',
  uniqueViolation: '23505',
  checkViolation: '23514',
  exclusionViolation: '23P01',
  transactionFailed: '25P02',
  dependentObjects: '2BP01',
  deadlockDetected: '40P01',
  diskFull: '53100',
  tooManyConnections: '53300',
  programLimitExceeded: '54000',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
} as const

/** Whether the driver threw it because the server refused a statement with one of these states. */
export function hasState(thrown: unknown, names: readonly (keyof typeof sqlstates)[]): boolean {
  return thrown instanceof DatabaseError && names.some((name) => sqlstates[name] === thrown.code)
}

/**
 * The meaning of a state for the session or the statement, at a source, at a destination or in our own
 * database. Each area has its own error codes for the meanings that it can meet. Two characters: a whole
 * class.
 */
const meanings = {
  '08': 'connection_lost',
  '22021': 'text_invalid',
  '22P05': 'text_invalid',
  '23': 'constraint_violated',
  '25006': 'read_only',
  '25P03': 'session_timeout',
  '25P04': 'session_timeout',
  '28': 'credentials_refused',
  '3D000': 'database_missing',
  '3F000': 'schema_missing',
  '40': 'conflict',
  '40001': 'serialization_failure',
  '40P01': 'deadlock',
  '42501': 'permission_denied',
  '42P01': 'table_missing',
  '53': 'server_busy',
  '53100': 'disk_full',
  '54011': 'too_many_columns',
  '55P03': 'lock_timeout',
  '57': 'operator_intervention',
  '57014': 'query_cancelled',
  '57P01': 'connection_lost',
  '57P02': 'connection_lost',
  '57P03': 'server_not_ready',
  '57P05': 'connection_lost',
  '72000': 'snapshot_too_old',
} as const

export type StateMeaning = (typeof meanings)[keyof typeof meanings]

const meaningOfState: Readonly<Record<string, StateMeaning>> = meanings

/**
 * States of a login, or of the whole server: nothing that runs inside a statement meets these, but a function
 * may raise any state.
 */
const ofSession: ReadonlySet<StateMeaning | undefined> = new Set<StateMeaning>([
  'credentials_refused',
  'database_missing',
  'read_only',
  'server_not_ready',
])

/**
 * Undefined for a state that only says that the statement failed.
 * @param where the context of the error, which has the functions that were running
 */
export function meaningOf(sqlstate: string, where = ''): StateMeaning | undefined {
  const meaning = meaningOfState[sqlstate] ?? meaningOfState[sqlstate.slice(0, 2)]
  return where !== '' && ofSession.has(meaning) ? undefined : meaning
}
