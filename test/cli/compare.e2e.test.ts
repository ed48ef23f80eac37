import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { testDatabase } from '../support/postgres.ts'
import { builtProgram } from '../support/program.ts'
import { runFile } from '../support/run-file.ts'
import { runHere } from './run-here.ts'
import { reactor } from './service-command-line.ts'

test('compare finds the rows that differ, and its commands repair them', async () => {
  await using shop = await testDatabase()
  await shop.query(`CREATE TABLE orders (id int PRIMARY KEY, total numeric, changed timestamptz NOT NULL);
    INSERT INTO orders SELECT n, n / 4.0, '2026-01-01Z'::timestamptz + n * interval '1 hour' FROM generate_series(1, 500) AS n`)
  const env = { PG_PASSWORD: shop.address.password }
  const address = { ...shop.address, password: '${PG_PASSWORD}' }
  await using file = await runFile({
    connection: 'shop',
    source: { type: 'postgres', config: { ...address, schemas: ['public'] } },
    destination: { type: 'postgres', config: { ...address, schema: 'copy' } },
    defaults: { cursor_field: 'changed' },
  })
  const compare = (...args: readonly string[]): ReturnType<typeof reactor> =>
    reactor(['connect', 'compare', file.path, '--no-second-look', ...args], { environment: env })
  const early = await compare()
  expect(early).toMatchObject({ code: 3 })
  expect(early.out).toContain('no run has loaded it into "copy"."orders"')
  expect(await runHere(file.path, { env })).toMatchObject({ code: 0 })
  expect(await compare()).toMatchObject({ code: 0 })
  await shop.query(
    'UPDATE copy.orders SET total = 0 WHERE id IN (20, 30); DELETE FROM copy.orders WHERE id = 25',
  )
  const { code, out } = await compare()
  expect(code).toBe(5)
  expect(
    out.split('\n').filter((line) => /^(STREAM|public)/.test(line) && line.length > 80),
  ).toEqual([])
  expect(out).toMatch(/public\.orders +different +500 +499 +1 +0 +2/)
  expect(out).toMatch(/missing: id=25\n {2}different: id=(20|30) \(total\)\n/)
  const [, from = '', to = ''] = /--from '(.+)' --to '(.+)'\n/.exec(out) ?? []
  expect([from, to]).toEqual(['2026-01-01 20:00:00+00', '2026-01-02 06:00:00+00'])
  const range = ['--streams', 'public.orders', '--from', from, '--to', to]
  const reset = await reactor(['connect', 'reset', file.path, ...range], { environment: env })
  expect(reset).toMatchObject({ code: 0 })
  const process_ = await new Promise<{ code: unknown; report: unknown }>((resolve) => {
    const args = [builtProgram(), 'connect', 'compare', file.path, '--json']
    execFile(process.execPath, args, { env: { ...process.env, ...env } }, (error, stdout) => {
      resolve({ code: error?.code, report: JSON.parse(stdout) })
    })
  })
  expect(process_).toMatchObject({
    code: 5,
    report: { result: 'different', streams: [{ missing: 1, different: 2, key: ['id'] }] },
  })
  expect(await runHere(file.path, { env })).toMatchObject({ code: 0 })
  expect(await compare()).toMatchObject({ code: 0 })
  await expect(compare('--streams', 'nothing')).rejects.toThrow('has no stream "nothing"')
}, 60_000)
