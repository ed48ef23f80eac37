import { DatabaseError } from 'pg'
import { describe, expect, test } from 'vitest'
import { constraintFacts } from '../../sinks/postgres/constraint-advice.ts'
import { destinationError } from '../../sinks/postgres/destination-errors.ts'

const address = {
  host: 'db',
  port: 5432,
  user: 'loader',
  database: 'warehouse',
  ssl: 'disable',
} as const

/** Builds the error that the server would send. */
function refused(facts: Partial<DatabaseError>): DatabaseError {
  return Object.assign(new DatabaseError('a message', 1, 'error'), facts)
}

describe('the advice for a constraint', () => {
  const adviceFor = (sqlstate: string): string =>
    constraintFacts({ sqlstate, reason: 'it is violated', constraint: 'c' }, '"s"."t"').fix

  test('speaks of a dedup mode only where rows are to be unique', () => {
    expect(adviceFor('23505')).toMatch(/dedup mode/)
    // The advice that always works comes first.
    expect(adviceFor('23505')).toMatch(
      /^Choose `overwrite_dedup`.*drop "c".*DEFERRABLE.*one transaction/,
    )
    for (const sqlstate of ['23514', '23503']) expect(adviceFor(sqlstate)).not.toMatch(/dedup/)
  })

  test('names the constraint, and what to do of its kind', () => {
    expect(adviceFor('23514')).toMatch(/^Correct the value at the source, or drop or relax "c"/)
    expect(adviceFor('23503')).toMatch(/^Load the rows that foreign key "c" needs first/)
  })
})

describe('a refusal that has no code of its own', () => {
  const errorOf = (facts: Partial<DatabaseError>): ReturnType<typeof destinationError> =>
    destinationError(refused(facts), { address, table: { schema: 'dest', table: 't' } })

  test('of a function names it, and says where to look, whatever the function raised', () => {
    const where = 'PL/pgSQL function boom() line 3 at RAISE'
    for (const code of ['P0001', '28P01', '3D000', '57P03']) {
      const error = errorOf({ code, where })
      expect(error).toMatchObject({ code: 'destination_query_failed', retryable: false })
      expect(error.message).toContain(
        '"dest"."t" (SQLSTATE ' + code + '): the function boom failed',
      )
      expect(error.suggestedFix).toMatch(/^Look for what calls it with `\\d "dest"\."t"`/)
    }
  })

  test('of a session that was ended inside of a function does not blame the function', () => {
    const error = errorOf({
      code: '57P01',
      where: 'PL/pgSQL function boom() line 3 at PERFORM',
      message: 'terminating connection due to administrator command',
    })
    expect(error).toMatchObject({ code: 'destination_connection_lost', retryable: true })
    expect(error.message).toMatch(/an administrator ended it \(pg_terminate_backend\)/)
  })

  test.each([
    ['InitializeSessionUserId', /^Run `ALTER ROLE "loader" CONNECTION LIMIT -1`/],
    ['CheckMyDatabase', /^Run `ALTER DATABASE "warehouse" CONNECTION LIMIT -1`/],
    ['ProcArrayAdd', /^Raise `max_connections`/],
  ])('of a session too many says which limit it is: %s', (routine, fix) => {
    const error = errorOf({ code: '53300', routine })
    expect(error).toMatchObject({ code: 'destination_busy', retryable: true })
    expect(error.suggestedFix).toMatch(fix)
    expect(error.suggestedFix).toMatch(/up to 2 × `limits.parallel_lanes` \+ 3 sessions/)
  })

  test('of our own statement does not send anybody to look for a function', () => {
    const error = errorOf({ code: '22P03', where: 'COPY t, line 3, column v' })
    expect(error.suggestedFix).toMatch(/^Look up the SQLSTATE 22P03/)
  })

  test('of a row that is too big for a page says what makes it smaller', () => {
    const error = errorOf({
      code: '54000',
      routine: 'RelationGetBufferForTuple',
      message: 'row is too big: size 8176, maximum size 8160',
    })
    expect(error.message).toContain('size 8176')
    expect(error.suggestedFix).toMatch(/^Choose fewer columns with `columns`/)
    expect(errorOf({ code: '54000' }).suggestedFix).toMatch(/^Look up the SQLSTATE 54000/)
  })
})

describe('the constraint of a domain is named with the domain', () => {
  const domainError = (facts: Partial<DatabaseError>): ReturnType<typeof destinationError> =>
    destinationError(refused({ schema: 'S', dataType: 'even', ...facts }), {
      address,
      table: { schema: 'dest', table: 't' },
    })

  test('with the statement that drops it', () => {
    const error = domainError({ code: '23514', constraint: 'even_check' })
    expect(error.code).toBe('destination_constraint_violated')
    expect(error.message).toContain('"even_check" of domain "S"."even"')
    expect(error.suggestedFix).toContain('`ALTER DOMAIN "S"."even" DROP CONSTRAINT "even_check"`')
  })

  test('also where it is NOT NULL', () => {
    const error = domainError({ code: '23502' })
    expect(error.suggestedFix).toContain('`ALTER DOMAIN "S"."even" DROP NOT NULL`')
  })
})

describe('a foreign key', () => {
  const own = { schema: 'dest', table: 't24' }
  const keyError = (table: string, message: string): ReturnType<typeof destinationError> =>
    destinationError(
      Object.assign(new DatabaseError(message, 1, 'error'), {
        code: '23503',
        schema: 'dest',
        table,
        constraint: `${table}_t_fkey`,
      }),
      { address, table: own },
    )

  test.each([
    'update or delete on table "t24" violates foreign key constraint "ref24_t_fkey" on table "ref24"',
    'Aktualisieren oder Löschen in Tabelle »t24« verletzt Fremdschlüssel-Constraint »ref24_t_fkey« von Tabelle »ref24«',
    'update or delete on table "t24_part" violates foreign key constraint "ref24_t_fkey" on table "ref24"',
  ])('of another table is that of rows which refer to those of the stream: %s', (message) => {
    const { suggestedFix } = keyError('ref24', message)
    expect(suggestedFix).toMatch(/^Rows of "dest"."ref24" refer to rows of "dest"."t24"/)
    expect(suggestedFix).toContain('`ALTER TABLE "dest"."ref24" DROP CONSTRAINT "ref24_t_fkey"`')
    expect(suggestedFix).not.toContain('Load the rows')
  })

  test.each(['t24', 't24_part'])('of the table, or its partition, needs rows: %s', (table) => {
    const { suggestedFix } = keyError(
      table,
      `insert or update on table "${table}" violates foreign key constraint "${table}_t_fkey"`,
    )
    expect(suggestedFix).toMatch(/^Load the rows that foreign key/)
  })
})

describe('a refusal that shares its SQLSTATE with others', () => {
  const target = { schema: 'dest', table: 't' }
  test.each([
    ['23514', 'ExecFindPartition', {}, 'destination_partition_missing'],
    ['23514', 'ExecPartitionCheckEmitError', {}, 'destination_partition_missing'],
    ['23514', 'ExecConstraints', { constraint: 'c' }, 'destination_constraint_violated'],
    ['54000', '_bt_check_third_page', { constraint: 'i' }, 'destination_index_entry_too_long'],
    ['54000', 'index_form_tuple_context', {}, 'destination_index_entry_too_long'],
    ['54000', 'something_else', {}, 'destination_query_failed'],
    ['55000', 'CheckCmdReplicaIdentity', {}, 'destination_replica_identity_missing'],
    ['42P10', 'CheckCmdReplicaIdentity', {}, 'destination_replica_identity_missing'],
    ['55000', 'something_else', {}, 'destination_query_failed'],
    ['0A000', 'DoCopy', {}, 'destination_row_security_enabled'],
    ['0A000', 'ExecCrossPartitionUpdate', {}, 'destination_key_unusable'],
    ['0A000', 'ExecBRInsertTriggers', {}, 'destination_partition_missing'],
    ['0A000', 'something_else', {}, 'destination_query_failed'],
  ])('of the code %s in the function %s is told apart', (...[code, routine, facts, expected]) => {
    const error = destinationError(refused({ code, routine, ...target, ...facts }), { address })
    expect(error.code).toBe(expected)
    expect(JSON.stringify(error)).toContain('"dest')
    expect(`${error.message} ${error.suggestedFix}`).not.toMatch(/\{\w+\}/)
  })

  test('in a statement of a function is not taken for one of the table', () => {
    const where = 'PL/pgSQL function dest.f() line 1 at SQL statement'
    for (const facts of [
      { code: '23514', routine: 'ExecFindPartition' },
      { code: '54000', routine: '_bt_check_third_page' },
      { code: '0A000', routine: 'ExecCrossPartitionUpdate' },
    ]) {
      const { code } = destinationError(refused({ ...facts, ...target, where }), {
        address,
        table: target,
      })
      expect(['destination_constraint_violated', 'destination_query_failed']).toContain(code)
    }
  })

  test('in the index of a catalog says that two sessions made an object of one name', () => {
    const error = refused({
      code: '23505',
      schema: 'pg_catalog',
      table: 'pg_type',
      constraint: 'pg_type_typname_nsp_index',
    })
    const failed = destinationError(error, { address, table: target })
    expect(failed).toMatchObject({ code: 'destination_conflict', retryable: true })
    expect(failed.message).toContain('"dest"."t"')
    expect(failed.message).not.toContain('pg_type')
    expect(failed.suggestedFix).toContain('`pg_stat_activity`')
  })
})

test('a lock that was not free in time names who has it, if that is known', () => {
  const target = { schema: 'dest', table: 't' }
  const error = refused({ code: '55P03' })
  const holders = 'session 4711 of user ann (psql, idle in transaction)'
  const lockWait = { object: 'dest.t', holders, seconds: 30 }
  const at60s = destinationError(error, { address, table: target, lockWait })
  expect(at60s).toMatchObject({ code: 'destination_conflict', retryable: true })
  expect(at60s.message).toBe(`A transaction on "dest"."t" gave way to ${holders} (SQLSTATE 55P03)`)
  expect(at60s.suggestedFix).toContain('end it with `SELECT pg_terminate_backend(4711)`')
  const others = `${holders} and session 4712 of user bob (psql, active)`
  const by = { ...lockWait, holders: others }
  const byTwo = destinationError(error, { address, table: target, lockWait: by })
  expect(byTwo.suggestedFix).toMatch(/these sessions.*the first one with `SELECT.*\(4711\)`/)
  const unknown = destinationError(error, { address, table: target })
  expect(unknown.message).toContain('to another session (')
  expect(unknown.suggestedFix).toContain('`pg_stat_activity`')
  const deadlock = destinationError(refused({ code: '40P01' }), {
    address,
    table: target,
    lockWait,
  })
  expect(deadlock.message).toContain('to another session (')
})
