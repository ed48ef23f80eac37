import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { EngineRun } from '../support/engine.ts'
import { logConfig, planRun, runPlanIn, sharedThreads } from '../support/engine.ts'
import { testDatabase } from '../support/postgres.ts'

test('a resumed run tells what a start of it rejected that was killed before it could tell', async () => {
  const { result } = await runAfterStop({ isReported: false })
  expect(result.status).toBe('partial')
  const large = result.streams.find(({ stream }) => stream.name === 'large')
  expect(large).toMatchObject({ rejected: 0, before: { loaded: 1, rejected: 1 } })
  expect(large?.warnings).toContain(
    '1 record was rejected in an earlier start; the table reactor_connect.rejected_records has them all',
  )
})

test('a resumed run does not tell again what a stopped one rejected and told', async () => {
  const { result } = await runAfterStop({ isReported: true })
  expect(result.status).toBe('complete')
  const large = result.streams.find(({ stream }) => stream.name === 'large')
  expect(large).toMatchObject({ rejected: 0, before: { loaded: 0, rejected: 0 } })
  expect(large?.warnings).not.toContainEqual(expect.stringContaining('rejected'))
})

/** A start that is stopped when it has rejected a record, and the next one. */
async function runAfterStop({ isReported }: { readonly isReported: boolean }): Promise<EngineRun> {
  await using db = await testDatabase()
  await db.query(
    `CREATE TABLE large (id text PRIMARY KEY, t text);
     INSERT INTO large VALUES ('ada', repeat('x', 64 * 1024 * 1024)), ('bob', 'small');
     CREATE TABLE slow (id int PRIMARY KEY); INSERT INTO slow VALUES (1), (2)`,
  )
  const plan = await planRun({
    connection: `losses-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config: { ...db.address, schemas: ['public'] } },
    destination: db.address,
    schema: 'warehouse',
    log: logConfig('embedded'),
    mode: 'append',
    limits: { parallelLanes: 2 },
  })
  const stop = new AbortController()
  // Nobody can read it until the lock is released.
  const locking = new pg.Client({ connectionString: db.url })
  await locking.connect()
  await locking.query('BEGIN; LOCK TABLE slow IN ACCESS EXCLUSIVE MODE')
  const first = await runPlanIn(sharedThreads(), plan, {
    signal: stop.signal,
    isReported,
    onProgress: ({ streams }) => {
      const large = streams.find(({ stream }) => stream.name === 'large')
      if (large?.status !== 'complete' || stop.signal.aborted) return
      stop.abort()
      void locking.end()
    },
  })
  expect(first.result.status).toBe('stopped')
  expect(first.ended[0]).toMatchObject({
    stream: { name: 'large' },
    status: 'complete',
    warnings: [expect.stringMatching(/^1 record was rejected: .* \(row \["ada"\]\)/)],
  })

  return await runPlanIn(sharedThreads(), plan)
}
