import { Client } from 'pg'
import { expect, test } from 'vitest'
import { clientConfig } from '../../postgres/client-config.ts'
import { watchSession, type LockWait } from '../../postgres/watch.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'

async function openClient(
  { address }: TestDatabase,
  stack: AsyncDisposableStack,
): Promise<{ readonly client: Client; readonly pid: number }> {
  const client = new Client(clientConfig(address))
  await client.connect()
  stack.defer(() => client.end())
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return { client, pid: rows[0]?.pid ?? 0 }
}

test('a session that waits for a lock tells which table it is and who has it, once', async () => {
  await using db = await testDatabase()
  await using open = new AsyncDisposableStack()
  await db.query('CREATE TABLE "Things" (id int)')
  const holder = await openClient(db, open)
  const waiting = await openClient(db, open)
  await holder.client.query(
    `SET application_name = 'a migration'; BEGIN; LOCK TABLE "Things" IN ACCESS EXCLUSIVE MODE`,
  )
  const waits: LockWait[] = []
  let looks = 0
  let isWaiting = true
  watchSession({
    config: clientConfig(db.address),
    pid: () => waiting.pid,
    socket: waiting.client.connection.stream,
    isWaiting: () => {
      looks += 1
      return isWaiting
    },
    lost: (reason) => new Error(reason),
    onSilence: (finding) => {
      throw new Error(finding)
    },
    onLockWait: (wait) => waits.push(wait),
    silenceMs: 50,
  })
  const writing = waiting.client.query('INSERT INTO "Things" VALUES (1)')
  await expect.poll(() => waits, { timeout: 10_000 }).toHaveLength(1)
  const seen = looks
  await expect.poll(() => looks, { timeout: 10_000 }).toBeGreaterThan(seen + 3)
  isWaiting = false
  await holder.client.query('ROLLBACK')
  await writing
  expect(waits).toEqual([
    {
      object: 'public."Things"',
      holders: `session ${String(holder.pid)} of user ${db.address.user} (a migration, idle in transaction)`,
      seconds: 0.05,
    },
  ])
})

test('a session that is silent from its first statement on is ended', async () => {
  await using db = await testDatabase()
  await using open = new AsyncDisposableStack()
  const silent = await openClient(db, open)
  const errors: Error[] = []
  silent.client.on('error', (error) => errors.push(error))
  const findings: string[] = []
  watchSession({
    config: clientConfig(db.address),
    // The statement that returns the pid gets no response.
    pid: () => undefined,
    socket: silent.client.connection.stream,
    isWaiting: () => true,
    lost: (reason) => new Error(reason),
    onSilence: (finding) => findings.push(finding),
    onLockWait: () => undefined,
    silenceMs: 50,
  })
  await expect.poll(() => errors.length, { timeout: 10_000 }).toBeGreaterThan(0)
  expect(errors[0]?.message).toContain('silent for more than 0.05 seconds')
  expect(findings).toEqual(['stuck', 'stuck'])
})
