import { describe, expect, test } from 'vitest'
import { serverRefusal } from '../../protocol/index.ts'

const secret = '4111-1111'

describe('the reason of a refusal of a PostgreSQL server', () => {
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
  ])('with the code %s is its condition or class, and not its text', (code, message) => {
    const refusal = serverRefusal({ message, code })
    expect(JSON.stringify(refusal)).not.toContain(secret)
    expect(refusal.reason).not.toBe('')
  })

  test.each(['42501', '53100', '42P01', 'P0001', '23505', '08000', '57014'])(
    'quotes nothing that a function raised as %s, whatever it names',
    (code) => {
      const refusal = serverRefusal({
        code,
        message: secret,
        constraint: secret,
        column: secret,
        table: secret,
        schema: secret,
        where: `PL/pgSQL function check_card() line 3 at RAISE\nSQL statement "INSERT INTO log VALUES ('${secret}')"`,
      })
      expect(JSON.stringify(refusal)).not.toContain(secret)
      expect(refusal).toMatchObject({ sqlstate: code })
      expect(refusal.reason).toMatch(/^the function check_card failed/)
    },
  )

  test.each([
    `SQL statement "SELECT '${secret}'"`,
    `PL/Perl function "${secret}"`,
    `JSON data, line 1: {"a": "${secret}\nSQL function "check" statement 1`,
    `Traceback (most recent call last):\n  PL/Python function "check", line 2`,
    `COPY things, line 1\nSQL statement "SELECT '${secret}'"`,
  ])('leaves out what follows a context: %s', (where) => {
    const refusal = serverRefusal({ code: '42P01', message: secret, where })
    expect(refusal).toEqual({
      sqlstate: '42P01',
      reason: 'a function or trigger of the database failed',
    })
  })

  test.each([
    `remote SQL command: SELECT '${secret}'`,
    `column "${secret}" of foreign table "t"`,
    `SQL-Anweisung »SELECT '${secret}'«`,
  ])('names no function if it may be something else: %s', (where) => {
    const refusal = serverRefusal({ code: '42P01', message: secret, where, table: secret })
    expect(refusal).toEqual({
      sqlstate: '42P01',
      reason: "the server's log has its message, which may quote a row",
    })
  })

  test.each([
    `SQL statement "SELECT 1 FROM ONLY "dest"."known" x WHERE "n" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x"`,
    `while locking tuple (0,1) in relation "lines"\nSQL statement "DELETE FROM ONLY "dest"."lines" WHERE $1 OPERATOR(pg_catalog.=) "t""`,
    `SQL statement "UPDATE ONLY "dest"."lines" SET "t" = NULL WHERE $1 OPERATOR(pg_catalog.=) "t""\nCOPY things, line 1`,
  ])('names the check of a foreign key: %s', (where) => {
    expect(serverRefusal({ code: '40P01', message: 'deadlock detected', where })).toEqual({
      sqlstate: '40P01',
      reason: 'the check of a foreign key failed',
    })
  })

  test('does not take a function that writes as a foreign key does for one', () => {
    const where = `SQL statement "DELETE FROM ONLY lines WHERE t = '${secret}'"\nPL/pgSQL function tidy() line 2 at SQL statement`
    expect(serverRefusal({ code: '40P01', message: 'deadlock detected', where })).toEqual({
      sqlstate: '40P01',
      reason: 'a function or trigger of the database failed',
    })
  })

  test.each([
    undefined,
    '',
    'COPY things',
    'COPY things, line 12',
    `COPY things, line 12: "${secret}"`,
    `COPY things, line 12, column note: "a\nSQL statement "${secret}"`,
    `COPY things, line 12, column note: null input`,
    'parallel worker',
    'unnamed portal parameter $2',
    `unnamed portal parameter $2 = '${secret}'`,
    `unnamed portal with parameters: $1 = '${secret}\nPL/pgSQL function f() line 1', $2 = NULL`,
    `portal "c" with parameters: $1 = '${secret}'`,
    'while updating tuple (0,12) in relation "things"',
    'while inserting index tuple (3,4) in relation "things_key"\nCOPY things, line 12',
    `JSON data, line 1: {"a": "${secret}\nCOPY things, line 12, column note: "${secret}"`,
    `JSON data, line 1: {"a": "${secret}\nunnamed portal parameter $1`,
  ])(
    'is in the server’s words, with the names of the objects, if the statement itself was refused (%s)',
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
