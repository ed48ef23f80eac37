import { DatabaseError } from 'pg'
import { describe, expect, test } from 'vitest'
import { constraintFacts, destinationError } from '../../sinks/postgres/destination-errors.ts'

const address = {
  host: 'db',
  port: 5432,
  user: 'loader',
  database: 'warehouse',
  ssl: 'disable',
} as const

/** What the server would send. */
function refused(facts: Partial<DatabaseError>): DatabaseError {
  return Object.assign(new DatabaseError('a message', 1, 'error'), facts)
}

describe('the advice for a constraint', () => {
  const adviceFor = (sqlstate: string): string =>
    constraintFacts({ sqlstate, reason: 'it is violated', constraint: 'c' }, '"s"."t"').fix

  test('speaks of a dedup mode only where rows are to be unique', () => {
    expect(adviceFor('23505')).toMatch(/dedup mode/)
    expect(adviceFor('23505')).toMatch(/DEFERRABLE/)
    for (const sqlstate of ['23514', '23503']) expect(adviceFor(sqlstate)).not.toMatch(/dedup/)
  })

  test('names the constraint, and what to do of its kind', () => {
    expect(adviceFor('23514')).toMatch(/^Correct the value at the source, or drop or relax "c"/)
    expect(adviceFor('23503')).toMatch(/^Load the rows that foreign key "c" needs first/)
  })
})

describe('a refusal that shares its SQLSTATE with others', () => {
  const at = { schema: 'dest', table: 't' }
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
    const error = destinationError(refused({ code, routine, ...at, ...facts }), { address })
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
      const { code } = destinationError(refused({ ...facts, ...at, where }), { address, table: at })
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
    const told = destinationError(error, { address, table: at })
    expect(told).toMatchObject({ code: 'destination_conflict', retryable: true })
    expect(told.message).toContain('"dest"."t"')
    expect(told.message).not.toContain('pg_type')
  })
})

test('a lock that was not free in time names who has it, if that is known', () => {
  const at = { schema: 'dest', table: 't' }
  const error = refused({ code: '55P03' })
  const holders = 'session 4711 of user ann (psql, idle in transaction)'
  const lockWait = { object: 'dest.t', holders, seconds: 30 }
  const at60s = destinationError(error, { address, table: at, lockWait })
  expect(at60s).toMatchObject({ code: 'destination_conflict', retryable: true })
  expect(at60s.message).toBe(`A transaction on "dest"."t" gave way to ${holders} (SQLSTATE 55P03)`)
  expect(destinationError(error, { address, table: at }).message).toContain('to another session (')
  const deadlock = destinationError(refused({ code: '40P01' }), { address, table: at, lockWait })
  expect(deadlock.message).toContain('to another session (')
})
