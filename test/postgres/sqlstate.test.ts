import { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { hasState, meaningOf } from '../../postgres/sqlstate.ts'

function refusal(code: string): DatabaseError {
  return Object.assign(new DatabaseError('refused', 7, 'error'), { code })
}

test.each([
  ['08006', 'connection_lost'],
  ['57P01', 'connection_lost'],
  ['57P03', 'server_not_ready'],
  ['57014', 'query_cancelled'],
  ['57P04', 'operator_intervention'],
  ['53100', 'disk_full'],
  ['53300', 'server_busy'],
  ['40002', 'conflict'],
  ['40P01', 'deadlock'],
  ['23P01', 'constraint_violated'],
  ['22P02', undefined],
  ['42601', undefined],
  ['', undefined],
])('the state %s means %s: by itself, else by its class', (sqlstate, meaning) => {
  expect(meaningOf(sqlstate)).toBe(meaning)
})

test('a function may raise what only a login or a whole server has: then it says nothing of these', () => {
  const where = 'PL/pgSQL function boom() line 1 at RAISE'
  for (const sqlstate of ['28P01', '28000', '3D000', '57P03', '25006'])
    expect(meaningOf(sqlstate, where)).toBeUndefined()
  // These may be met by what a function does.
  expect(meaningOf('40P01', where)).toBe('deadlock')
  expect(meaningOf('53100', where)).toBe('disk_full')
})

test('only what the server refused has a state', () => {
  expect(hasState(refusal('23505'), ['deadlockDetected', 'uniqueViolation'])).toBe(true)
  expect(hasState(refusal('23503'), ['deadlockDetected', 'uniqueViolation'])).toBe(false)
  expect(hasState(Object.assign(new Error('no'), { code: '23505' }), ['uniqueViolation'])).toBe(
    false,
  )
})
