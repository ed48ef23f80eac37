import { describe, expect, test } from 'vitest'
import { serverRefusal } from '../../protocol/index.ts'

const secret = '4111-1111'

describe('what is told of a refusal of a PostgreSQL server', () => {
  test.each([
    ['22P02', `invalid input syntax for type integer: "${secret}"`],
    ['22012', `division by zero ${secret}`],
    ['23505', `duplicate key ${secret}`],
    ['23514', `new row violates ${secret}`],
    ['P0001', secret],
    ['38000', secret],
    ['39000', secret],
    ['HV000', secret],
    ['XX000', secret],
    ['ZZ123', secret],
    [undefined, secret],
  ])('%s: its condition or class, and not its text', (code, message) => {
    const told = serverRefusal({ message, code })
    expect(JSON.stringify(told)).not.toContain(secret)
    expect(told.reason).not.toBe('')
  })

  test.each(['42501', '53100', '42P01', 'P0001', '23505', '08000', '57014'])(
    'nothing that a function raised as %s, whatever it names',
    (code) => {
      const told = serverRefusal({
        code,
        message: secret,
        constraint: secret,
        column: secret,
        table: secret,
        schema: secret,
        where: `PL/pgSQL function check_card() line 3 at RAISE\nSQL statement "INSERT INTO log VALUES ('${secret}')"`,
      })
      expect(JSON.stringify(told)).not.toContain(secret)
      expect(told).toMatchObject({ sqlstate: code })
      expect(told.reason).toMatch(/^the function check_card failed/)
    },
  )

  test.each([
    `SQL statement "SELECT '${secret}'"`,
    `unnamed portal with parameters: $1 = '${secret}'`,
    `PL/Perl function "${secret}"`,
    `remote SQL command: SELECT '${secret}'`,
    `COPY things, line 1\nSQL statement "SELECT '${secret}'"`,
  ])('not what follows a context: %s', (where) => {
    const told = serverRefusal({ code: '42P01', message: secret, where })
    expect(told).toEqual({
      sqlstate: '42P01',
      reason: 'a function or trigger of the database failed',
    })
  })

  test.each([undefined, '', 'COPY things, line 12', 'parallel worker'])(
    'the server’s words and the names of the objects if the statement itself was refused (%s)',
    (where) => {
      const message = 'permission denied for table things'
      const names = { schema: 'public', table: 'things', constraint: 'uq', column: 'id' }
      expect(serverRefusal({ code: '42501', message, where, ...names })).toEqual({
        sqlstate: '42501',
        reason: message,
        ...names,
      })
    },
  )
})
