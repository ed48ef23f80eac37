import { DatabaseError } from 'pg'
import {
  ConnectError,
  isOfDatabase,
  networkFailure,
  raisingFunction,
  serverRefusal,
  type ErrorCodeName,
  type ErrorDetails,
  type ServerRefusal,
} from '../../protocol/index.ts'
import { fullPlaceOf, limitCommand } from '../../postgres/connection-limit.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import { constraintFacts, referringFacts } from './constraint-advice.ts'
import { derivedTable, isKeyIndexName, quoteTable, type TableName } from './tables/identifiers.ts'
import { missingRightFix } from './missing-right.ts'
import { meaningOf, sqlstates, type StateMeaning } from '../../postgres/sqlstate.ts'
import type { PostgresAddress } from '../../postgres/address.ts'
import type { LockWait } from '../../postgres/watch.ts'
import { bookkeepingSchema } from './postgres-place.ts'

/** The operation: the facts that the messages name. */
export interface DestinationPlace {
  readonly address: PostgresAddress
  readonly stream?: string
  readonly table?: TableName
  /** Where rows are gathered for it, if that is another table. */
  readonly stage?: TableName
  /** See PostgresPlace. */
  readonly bookkeeping?: string
  /** The lock that the statement was seen to wait for. */
  readonly lockWait?: LockWait | undefined
}

const codeOfMeaning: Readonly<Partial<Record<StateMeaning, ErrorCodeName>>> = {
  conflict: 'destination_conflict',
  connection_lost: 'destination_connection_lost',
  constraint_violated: 'destination_constraint_violated',
  credentials_refused: 'destination_credentials_refused',
  database_missing: 'destination_database_missing',
  deadlock: 'destination_conflict',
  disk_full: 'destination_disk_full',
  lock_timeout: 'destination_conflict',
  permission_denied: 'destination_permission_denied',
  query_cancelled: 'destination_query_cancelled',
  read_only: 'destination_read_only',
  serialization_failure: 'destination_conflict',
  server_busy: 'destination_busy',
  server_not_ready: 'destination_unreachable',
  session_timeout: 'destination_connection_lost',
  too_many_columns: 'destination_too_many_columns',
}

const codeOfNetwork = {
  unreachable: 'destination_unreachable',
  tls: 'destination_tls_failed',
  credentials: 'destination_credentials_refused',
  lost: 'destination_connection_lost',
} as const

/**
 * Whatever pg, the server or the network threw, as the ConnectError that says what to do. Never quotes a row.
 */
export function destinationError(thrown: unknown, place: DestinationPlace): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  const { host, port, user, database } = place.address
  const facts = { host, port, user, database }
  if (thrown instanceof DatabaseError && isOtherProcess(thrown))
    return poolerInTransactionMode(place.address)
  if (thrown instanceof DatabaseError) return serverError(thrown, { ...place, facts })
  const failure = networkFailure(thrown)
  if (failure === undefined) return ConnectError.from(thrown)
  const details = { ...facts, reason: failure.reason }
  return new ConnectError(codeOfNetwork[failure.kind], { details, cause: thrown })
}

/** Without the server's error as the cause: a log would show its message and its details. */
function serverError(
  error: DatabaseError,
  place: DestinationPlace & { readonly facts: ErrorDetails },
): ConnectError {
  const refusal = serverRefusal(error)
  const { sqlstate, reason } = refusal
  const needsTls = sqlstate === '28000' && /no encryption|SSL off/.test(reason)
  const meaning = meaningOf(sqlstate, error.where)
  const code = (meaning && codeOfMeaning[meaning]) ?? 'destination_query_failed'
  const object = objectOf(refusal, place)
  const details = { ...place.facts, object, sqlstate, reason }
  if (needsTls) return new ConnectError('destination_tls_failed', { details })
  const special =
    ofRoutine(error, refusal, details) ??
    ofTableSetup(error, refusal, { place, details }) ??
    ofTrigger(error, refusal, details) ??
    ofDrop(error, refusal, { place, details }) ??
    ofMissingTable(error, refusal, place) ??
    ofMissingColumn(error, refusal, { place, details })
  if (special !== undefined) return special
  const more =
    referringFacts(error, refusal, place.table) ?? factsOf(code, error, { refusal, place })
  return noteRaised(new ConnectError(code, { details: { ...details, ...more } }), error)
}

function noteRaised(failure: ConnectError, error: DatabaseError): ConnectError {
  const raising = raisingFunction(error)
  if (raising !== undefined) raised.set(failure, { function: raising, text: error.message })
  return failure
}

/**
 * The message that a function of the database raised, stored beside its error. It may quote a row, unless
 * only an event trigger can have raised it.
 */
const raised = new WeakMap<ConnectError, { readonly function: string; readonly text: string }>()

export function raisedBy(
  error: ConnectError,
): { readonly function: string; readonly text: string } | undefined {
  return raised.get(error)
}

/**
 * A prepared statement of this session is not there, or one of another session is: the statement ran in
 * another process than those before.
 */
function isOtherProcess(error: DatabaseError): boolean {
  return (error.code === '26000' || error.code === '42P05') && !isOfDatabase(error)
}

/**
 * A lane's lock, temporary table and prepared statements are of the server's session, which it must not
 * share.
 */
export function poolerInTransactionMode({ host, port, database }: PostgresAddress): ConnectError {
  const details = { host, port, database }
  return new ConnectError('destination_pooler_in_transaction_mode', { details })
}

/** The additional details of the code's message. */
function factsOf(
  code: ErrorCodeName,
  error: DatabaseError,
  { refusal, place }: { readonly refusal: ServerRefusal; readonly place: DestinationPlace },
): ErrorDetails {
  if (code === 'destination_query_failed')
    return { fix: failedFix(error, refusal, objectOf(refusal, place)) }
  if (code === 'destination_constraint_violated')
    return { ...uniqueIndexOf(refusal), ...constraintFacts(refusal, objectOf(refusal, place)) }
  if (code === 'destination_permission_denied')
    return { fix: missingRightFix(refusal.reason, place) }
  if (code === 'destination_busy') return { fix: busyFix(error, place) }
  return code === 'destination_conflict' ? conflictFacts(refusal, place) : {}
}

/** The server's routines refuse a session for different limits with one SQLSTATE. */
function busyFix(error: DatabaseError, { address }: DestinationPlace): string {
  const full = fullPlaceOf(error)
  if (full === undefined) return 'Free memory or other resources of the destination.'
  if (full === 'server') return 'Raise `max_connections` of the destination.'
  return `Run ${limitCommand(full, address, '-1')} at the destination, or give the ${full} a higher limit.`
}

function failedFix(error: DatabaseError, { sqlstate }: ServerRefusal, object: string): string {
  if (isOfDatabase(error))
    return `Look for what calls it with \`\\d ${object}\` (a trigger, a default, a generated column, a check), repair or disable it, and run the connection again.`
  if (sqlstate === sqlstates.programLimitExceeded && error.routine === rowTooBig)
    return 'Choose fewer columns with `columns` of the stream, or a mode that appends or overwrites: numbers, times and other values of a fixed length cannot be moved out of a row, and the dedup modes need some bytes more.'
  return `Look up the SQLSTATE ${sqlstate} in the PostgreSQL manual; if the cause is not in your database, report it.`
}

/** The server's routine that refuses a row of more than a page. */
const rowTooBig = 'RelationGetBufferForTuple'

function conflictFacts(
  { sqlstate }: ServerRefusal,
  { lockWait }: DestinationPlace,
): { readonly holders: string; readonly fix: string } {
  const isTimeout = meaningOf(sqlstate) === 'lock_timeout'
  const holders = isTimeout ? lockWait?.holders : undefined
  if (holders === undefined) return unknownHolders
  return { holders, fix: holdersFix(holders) ?? unknownHolders.fix }
}

const unknownHolders = {
  holders: 'another session',
  fix: 'Run the connection again: no row is lost or doubled. If it persists, look for long transactions in `pg_stat_activity`, and end them or wait for them.',
}

/** Only the first number is certain: behind it are names that the sessions gave themselves. */
function holdersFix(holders: string): string | undefined {
  const pid = /^session (\d+) /.exec(holders)?.[1]
  if (pid === undefined) return undefined
  const end = `\`SELECT pg_terminate_backend(${pid})\``
  const way = / and session \d+ of user /.test(holders)
    ? `Wait until these sessions have ended, or end them (the first one with ${end})`
    : `Wait until that session has ended, or end it with ${end}`
  return `${way}; then run the connection again: no row is lost or doubled.`
}

/**
 * These share their SQLSTATE with others, and have nothing else that is the same in every language of the
 * server.
 */
function ofRoutine(
  { routine = '', message }: DatabaseError,
  { sqlstate, schema, table, constraint, reason }: ServerRefusal,
  details: ErrorDetails & { readonly object: string },
): ConnectError | undefined {
  // Without its table it is the refusal of a statement of a function.
  if (sqlstate === sqlstates.checkViolation && constraint === undefined && table !== undefined) {
    const why = partitionRefusals.find(([name]) => routine.startsWith(name))?.[1]
    if (why !== undefined) return partitionMissing(details.object, { ...details, ...why })
  }
  if (
    sqlstate === sqlstates.programLimitExceeded &&
    reason === message &&
    indexRoutines.includes(routine)
  )
    return entryTooLong(constraint, details)
  // Two sessions created an object of one name at the same time: an index of the catalog kept them apart.
  if (sqlstate === sqlstates.uniqueViolation && schema === 'pg_catalog') {
    const facts = { ...details, reason, ...unknownHolders }
    return new ConnectError('destination_conflict', { details: facts })
  }
  return undefined
}

/** The setup of the table makes the server refuse our statements. */
function ofTableSetup(
  { routine, message, detail }: DatabaseError,
  { sqlstate, reason }: ServerRefusal,
  {
    place,
    details,
  }: {
    readonly place: DestinationPlace
    readonly details: ErrorDetails & { readonly object: string }
  },
): ConnectError | undefined {
  // If the reason differs, the error is from a statement inside a function.
  if (reason !== message) return undefined
  if (routine === 'CheckCmdReplicaIdentity')
    return new ConnectError('destination_replica_identity_missing', {
      details: { ...details, ...replicaIdentityFacts(details.object, message, detail) },
    })
  // DoCopy uses this SQLSTATE for nothing else.
  if (sqlstate !== sqlstates.featureNotSupported || routine !== 'DoCopy') return undefined
  const role = quoteIdentifier(place.address.user)
  return new ConnectError('destination_row_security_enabled', { details: { ...details, role } })
}

/** A detail says that there is an identity, which a publication does not cover; it quotes no row. */
function replicaIdentityFacts(
  object: string,
  message: string,
  detail: string | undefined,
): ErrorDetails {
  const again = 'then run the connection again.'
  if (detail === undefined)
    return {
      fix: `Run \`ALTER TABLE ${object} REPLICA IDENTITY FULL\`, or give the table a primary key, or take it out of the publication; ${again}`,
    }
  return {
    reason: `${message} (${detail})`,
    fix: `Publish the table without the column list or the WHERE that the reason names (\`ALTER PUBLICATION … SET TABLE ${object}\`), or with one that has all columns of its replica identity, or take it out of the publication; ${again}`,
  }
}

/**
 * Faults that only a trigger of the table can cause: it gave a row the key of another row, a key that its
 * record does not have, or the values of another partition. The error's details have it as `fault`, with the
 * table as `object`: trigger-errors.ts finds the trigger's name.
 */
export type TriggerFault = 'takes_key' | 'changes_key' | 'leaves_partition'

/**
 * Our own statement writes each key once, and updates an existing row: so something else set the key, or the
 * partition, of rows.
 */
function ofTrigger(
  { routine, message }: DatabaseError,
  { sqlstate, constraint, reason }: ServerRefusal,
  details: ErrorDetails & { readonly object: string },
): ConnectError | undefined {
  // If the reason differs, the error is from a statement inside a function. So is the error of an index
  // without its name.
  const isOwn = reason === message
  const isTwice =
    sqlstate === sqlstates.cardinalityViolation && routine === 'ExecOnConflictUpdate' && isOwn
  const isTaken = sqlstate === sqlstates.uniqueViolation && keyRoutine.test(routine ?? '')
  if (isTwice || (isTaken && isKeyIndexName(constraint)))
    return triggerAtFault('takes_key', details)
  if (sqlstate !== sqlstates.featureNotSupported || !isOwn) return undefined
  // An update sets no column of the key, and those of the partitions are part of it.
  if (routine === 'ExecCrossPartitionUpdate') return triggerAtFault('changes_key', details)
  if (routine === 'ExecBRInsertTriggers') return triggerAtFault('leaves_partition', details)
  return undefined
}

/** As far as it is known without its name. */
function triggerAtFault(
  fault: TriggerFault,
  details: ErrorDetails & { readonly object: string },
): ConnectError {
  const { object } = details
  const key = fault === 'leaves_partition' ? 'partition key' : 'key'
  const fix = `Let the trigger leave the ${key} alone (\`\\d ${object}\` lists the triggers), or run \`ALTER TABLE ${object} DISABLE TRIGGER …\`, and run the connection again. It can write its version of the ${key} to a column of its own.`
  const problem = `a trigger of the table ${faultTexts[fault]}`
  const facts = { ...details, fault, fix }
  return fault === 'leaves_partition'
    ? partitionMissing(object, { ...facts, reason: problem })
    : new ConnectError('destination_key_unusable', {
        details: { ...facts, table: object, problem },
      })
}

/**
 * An index has the schema of its table. It may be a partition's part of the key's index, which
 * trigger-errors.ts finds out.
 */
function uniqueIndexOf({ sqlstate, schema, constraint }: ServerRefusal): {
  readonly index?: string
} {
  const isUnique = sqlstate === sqlstates.uniqueViolation
  if (!isUnique || schema === undefined || constraint === undefined) return {}
  return { index: quoteTable({ schema, table: constraint }) }
}

/** The action of a trigger. */
export const faultTexts: Readonly<Record<TriggerFault, string>> = {
  takes_key: 'sets the key of rows to the key of other rows',
  changes_key: 'gives rows another key than their records have',
  leaves_partition: 'gives rows values of another partition',
}

/** The routines that refuse a duplicate key: of a row, and of rows while their index is built. */
const keyRoutine = /^(_bt_check_unique|comparetup_index_btree)/

function entryTooLong(index: string | undefined, details: ErrorDetails): ConnectError {
  const named = index === undefined ? 'an index' : `index ${quoteIdentifier(index)}`
  return new ConnectError('destination_index_entry_too_long', {
    details: { ...details, index: named },
  })
}

/**
 * We drop nothing but stages: tables and indexes of ours that others have no reason to build on. The server's
 * detail has names of objects, never a row.
 */
function ofDrop(
  { message, detail }: DatabaseError,
  { sqlstate, reason }: ServerRefusal,
  {
    place,
    details,
  }: {
    readonly place: DestinationPlace
    readonly details: ErrorDetails & { readonly object: string }
  },
): ConnectError | undefined {
  if (sqlstate !== sqlstates.dependentObjects || reason !== message) return undefined
  const stage = place.table && derivedTable(place.table, 'stage')
  const object = stage && message.includes(stage.table) ? quoteTable(stage) : details.object
  const dependents = detail?.replaceAll('\n', '; ') ?? reason
  return new ConnectError('destination_drop_refused', {
    details: { ...details, object, dependents },
  })
}

/** A sandbox's tables are dropped with it, for good. */
function ofMissingTable(
  { message }: DatabaseError,
  { sqlstate, reason }: ServerRefusal,
  place: DestinationPlace,
): ConnectError | undefined {
  // There is another reason if a function of the database, such as a trigger's, misses its table.
  if (sqlstate !== '42P01' || reason !== message || place.bookkeeping !== undefined)
    return undefined
  // The message contains the name in every language.
  if (message.includes(`${bookkeepingSchema}.`)) return destinationReplaced(place.address)
  const { stage } = place
  return tableGone(
    place.address,
    objectOf({ sqlstate, reason }, stage ? { address: place.address, table: stage } : place),
  )
}

/**
 * A column of the stream's table, which had it when the stream began. A stage has no users, and the next
 * begin would leave its rows without the values.
 */
function ofMissingColumn(
  { message, routine = '' }: DatabaseError,
  { sqlstate, reason }: ServerRefusal,
  { place, details }: { readonly place: DestinationPlace; readonly details: ErrorDetails },
): ConnectError | undefined {
  const { table, stage, bookkeeping } = place
  if (sqlstate !== '42703' || reason !== message) return undefined
  if (table === undefined || stage !== undefined || bookkeeping !== undefined) return undefined
  // A merge calls the table `t`.
  const isOfTable = listRoutines.includes(routine)
    ? message.includes(table.table)
    : /\bt\./.test(message)
  if (!isOfTable) return undefined
  const facts = { ...details, object: quoteTable(table) }
  return new ConnectError('destination_column_gone', { details: facts })
}

/** The server's routines that look up the columns of a COPY, an INSERT and an UPDATE. */
const listRoutines: readonly string[] = [
  'CopyGetAttnums',
  'checkInsertTargets',
  'transformUpdateTargetList',
]

/** `object`: a table of a stream, quoted. */
export function tableGone({ host, port, database }: PostgresAddress, object: string): ConnectError {
  return new ConnectError('destination_table_gone', { details: { host, port, database, object } })
}

/** The bookkeeping does not know the active run. */
export function destinationReplaced({ host, port, database }: PostgresAddress): ConnectError {
  return new ConnectError('destination_replaced', { details: { host, port, database } })
}

const indexRoutines: readonly string[] = [
  '_bt_check_third_page',
  'index_form_tuple',
  'index_form_tuple_context',
  'GinFormTuple',
]

/** The server's routines that refuse a row because of its partition key, and why. */
const partitionRefusals: readonly (readonly [string, ErrorDetails])[] = [
  ['ExecFindPartition', { reason: 'its partition key is in none of them' }],
  // The server found the partition, if the statement named the table: then a trigger changed the row.
  [
    'ExecPartitionCheck',
    { reason: 'it is itself a partition, for other values', fault: 'leaves_partition' },
  ],
]

/** `object`: a partitioned table, or a partition of one, quoted. */
export function partitionMissing(object: string, details: ErrorDetails): ConnectError {
  const fix =
    details.fault === undefined
      ? `Create the partition (\`\\d+ ${object}\` shows those that there are), or one for all other rows with \`CREATE TABLE … PARTITION OF ${object} DEFAULT\`; then run the connection again.`
      : `Load the stream into the table that ${object} is a partition of (\`\\d+ ${object}\` shows it, and the values that the partition takes), or run \`ALTER TABLE … DETACH PARTITION ${object}\`; then run the connection again.`
  return new ConnectError('destination_partition_missing', { details: { fix, ...details, object } })
}

/** The table that the server names (unless it is a catalog); otherwise the table in use, or its stream. */
function objectOf({ schema, table }: ServerRefusal, place: DestinationPlace): string {
  const { stage } = place
  const isStage = stage !== undefined && schema === stage.schema && table === stage.table
  if (schema !== undefined && table !== undefined && schema !== 'pg_catalog' && !isStage)
    return quoteTable({ schema, table })
  if (place.table !== undefined) return quoteTable(place.table)
  if (place.stream !== undefined) return `stream ${place.stream}`
  return `schema ${place.bookkeeping ?? bookkeepingSchema}`
}
