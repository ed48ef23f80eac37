import { expect, test } from 'vitest'
import { StatementNames } from '../../postgres/statement-names.ts'

test('a text has a name from its second time on, and always the same one', () => {
  const names = new StatementNames()
  expect(names.nameOf('SELECT $1')).toBeUndefined()
  const name = names.nameOf('SELECT $1')
  expect(name).toEqual(expect.any(String))
  expect(names.nameOf('SELECT $2')).toBeUndefined()
  expect(names.nameOf('SELECT $2')).not.toBe(name)
  expect(names.nameOf('SELECT $1')).toBe(name)
})

test('a statement whose result may get other columns has none', () => {
  const names = new StatementNames()
  for (let time = 0; time < 3; time++)
    expect(names.nameOf('SELECT * FROM streams WHERE id = $1')).toBeUndefined()
})

test('texts that come once leave nothing behind, and keep no name from one that comes again', () => {
  const names = new StatementNames()
  for (let table = 0; table < 10_000; table++)
    expect(names.nameOf(`SELECT FROM table_${String(table)} WHERE id = $1`)).toBeUndefined()
  names.nameOf('SELECT $1')
  expect(names.nameOf('SELECT $1')).toBeDefined()
})

test('a session has at most 64 names', () => {
  const names = new StatementNames()
  const texts = Array.from({ length: 100 }, (_, index) => `SELECT ${String(index)}, $1`)
  for (const text of texts) names.nameOf(text)
  const given = texts.map((text) => names.nameOf(text))
  expect(new Set(given.filter((name) => name !== undefined)).size).toBe(64)
})
