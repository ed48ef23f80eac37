import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { runToEnd, testService } from '../../support/test-service.ts'
import { testDatabase } from '../../support/postgres.ts'
import { longTest } from '../../support/long.ts'

test('a table that may not be read any more is warned of in a run of all streams, and fails its stream in a run that names it', async () => {
  await using source = await testDatabase()
  await using test = await testService()
  const { instances, connections, runs } = test.service
  const user = `reader_${randomBytes(4).toString('hex')}`
  await source.query(
    `CREATE TABLE notes (id int PRIMARY KEY); INSERT INTO notes VALUES (1), (2);
     CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
     CREATE ROLE ${user} LOGIN PASSWORD 'pw-of-the-reader'; GRANT SELECT ON notes, users TO ${user}`,
  )
  try {
    const config = { ...source.address, user, password: 'pw-of-the-reader', schemas: ['public'] }
    await instances.create({ name: 'shop', type: 'postgres', config })
    const streams = ['users', 'notes'].map((name) => ({ name, namespace: 'public' }))
    const about = { from: 'shop', activate: true }
    await connections.create({ ...about, name: 'all', destination: 'data:one' })
    await connections.create({ ...about, name: 'named', destination: 'data:two', streams })
    test.work({ retries: { maxFruitless: 1, firstDelayMs: 10, maxDelayMs: 10 } })
    const run = async (name: string): Promise<Awaited<ReturnType<typeof runToEnd>>> =>
      runToEnd(runs, await runs.start(name))
    for (const name of ['all', 'named'])
      expect(await run(name)).toMatchObject({ status: 'complete', warnings: [], loaded: 3 })

    await source.query(`REVOKE SELECT ON notes FROM ${user}`)
    const all = await run('all')
    expect(all).toMatchObject({ status: 'complete', streams: [{ name: 'users' }] })
    expect(all.warnings).toEqual([
      expect.stringMatching(/^The source no longer shows stream public\.notes.*GRANT SELECT/),
    ])
    expect(await runs.find(all.id)).toMatchObject({ warnings: all.warnings })
    const named = await run('named')
    expect(named).toMatchObject({ status: 'partial', error: { code: 'stream_not_found' } })
    expect(named.error?.message).toContain('notes')

    await source.query(`GRANT SELECT ON notes TO ${user}`)
    for (const name of ['all', 'named'])
      expect(await run(name)).toMatchObject({ status: 'complete', warnings: [] })
  } finally {
    await source.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
  }
}, 120_000)

longTest(
  'a run shows with each stream what it did to the columns of its table',
  async () => {
    await using source = await testDatabase()
    await using test = await testService()
    const { instances, connections, runs } = test.service
    await source.query(
      `CREATE TABLE notes (id int PRIMARY KEY, n int); INSERT INTO notes VALUES (1, 1)`,
    )
    const config = { ...source.address, schemas: ['public'] }
    await instances.create({ name: 'shop', type: 'postgres', config })
    await connections.create({ from: 'shop', name: 'all', destination: 'data:one', activate: true })
    test.work()
    const [first] = (await runToEnd(runs, await runs.start('all'))).streams
    expect(first).toMatchObject({ status: 'complete', tableChanges: [] })
    await source.query('ALTER TABLE notes ALTER n TYPE text, ADD more boolean')
    const [second] = (await runToEnd(runs, await runs.start('all'))).streams
    expect(second).toMatchObject({
      status: 'complete',
      tableChanges: [
        { kind: 'widened', column: 'n', type: 'text', was: 'integer' },
        { kind: 'added', column: 'more', type: 'boolean' },
      ],
    })
  },
  120_000,
)
