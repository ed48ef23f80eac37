import { expect, test, vi } from 'vitest'
import { runToEnd, testService } from '../../support/test-service.ts'

test('the run names rows that were rejected as soon as their stream has ended; no log does', async () => {
  await using place = await testService({ logLevel: 'trace' })
  const { data, service, logged } = place
  const { instances, connections, runs } = service
  await data.query(
    `CREATE SCHEMA people; CREATE TABLE people.large (id text PRIMARY KEY, t text);
     INSERT INTO people.large VALUES ('ada@example.org', repeat('x', 64 * 1024 * 1024)), ('bob', 'small');
     CREATE VIEW people.slow AS SELECT n AS id, pg_sleep(0.02) IS NULL AS never FROM generate_series(1, 400) n`,
  )
  const { host, port, user, password, database } = data.address
  const config = { host, port, user, password, database, schemas: ['people'] }
  await instances.create({ name: 'pg', type: 'postgres', config })
  await connections.create({ name: 'shop', from: 'pg', destination: 'data:shop', activate: true })
  place.work()
  const { id } = await runs.start('shop')
  // A process that is killed now leaves a complete stream behind, which no other attempt reads. The rows that
  // the process lost must be reported.
  await vi.waitFor(
    async () => {
      const { streams, status } = await runs.get('shop', id)
      expect(status).toBe('running')
      const large = streams.find(({ name }) => name === 'large')
      expect(large).toMatchObject({ status: 'complete', rejected: 1 })
      expect(large?.warnings).toEqual([expect.stringContaining('ada@example.org')])
    },
    { timeout: 40_000, interval: 100 },
  )
  const ended = await runToEnd(runs, await runs.get('shop', id))
  expect(ended.status).toBe('partial')
  const lines = await runs.logs('shop', id, 0, 1_000)
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      message: 'records were left out, or values were changed: the warnings of the run say more',
      fields: expect.objectContaining({ stream: 'people.large', rejected: 1 }) as unknown,
    }),
  )
  expect(JSON.stringify(lines)).not.toContain('ada@')
  expect(logged.join('\n')).toContain('people.large')
  expect(logged.join('\n')).not.toContain('ada@')
})
