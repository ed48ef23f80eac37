import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { createRunMetrics } from '../../../engine/metrics/registered-metrics.ts'
import { beginAttempts, createServiceMetrics } from '../../../service/run-worker/service-metrics.ts'
import { statusMetrics } from '../../../service/serve/status-metrics.ts'
import { newConnection, newInstance, openTestStore } from '../../support/open-test-store.ts'

const schema = 'reactor_connect_service'
const hourly = { cron: '0 * * * *' }

test('the status tells the last success of each active connection, what waits and what is overdue', async () => {
  await using opened = await openTestStore()
  const { store, database } = opened
  await newInstance(store)
  const past = new Date(Date.now() - 90_000).toISOString()
  for (const name of ['a', 'b', 'never'])
    await newConnection(store, name, { schedule: hourly, nextRunAt: name === 'b' ? past : null })
  await newConnection(store, 'paused', { status: 'paused' })
  const end = async (connection: string, status: 'complete' | 'failed' | 'partial') => {
    const { id } = await store.runs.create({ connection, trigger: 'manual' })
    await store.runs.claim(id, 'me', 1_000)
    await store.runs.end(id, 'me', { status, streams: [], warnings: [], error: null })
  }
  await end('a', 'failed')
  await end('a', 'complete')
  await end('b', 'complete')
  await database.query(
    `UPDATE ${schema}.runs SET ended_at = '2026-01-02T03:04:05Z' WHERE status = 'complete'`,
  )
  await end('b', 'failed')
  const seconds = Date.parse('2026-01-02T03:04:05Z') / 1_000
  expect(await store.status()).toEqual({
    connections: [
      { connection: 'a', lastSuccessSeconds: seconds, isFailing: false },
      { connection: 'b', lastSuccessSeconds: seconds, isFailing: true },
      { connection: 'never', lastSuccessSeconds: 0, isFailing: false },
    ],
    queuedRuns: 0,
    oldestQueuedSeconds: 0,
    overdueSchedules: 1,
    skippedTimes: 0,
    webhooks: { waiting: 0, oldestWaitingSeconds: 0, dead: 0, interruptedTargets: 0 },
  })
  const { id } = await store.runs.create({ connection: 'never', trigger: 'manual' })
  await database.query(
    `UPDATE ${schema}.runs SET due_at = now() - interval '100 s' WHERE id = '${id}'`,
  )
  const waiting = await store.status()
  expect(waiting).toMatchObject({ queuedRuns: 1 })
  expect(waiting.oldestQueuedSeconds).toBeGreaterThanOrEqual(100)
  await store.runs.claim(id, 'me', 1_000)
  const again = { streams: [], warnings: [], error: null, progressed: false, delayMs: 60_000 }
  await store.runs.requeue(id, 'me', again)
  const retried = await store.status()
  expect(retried.queuedRuns).toBe(0)
  expect(retried.connections).toContainEqual({
    connection: 'never',
    lastSuccessSeconds: 0,
    isFailing: true,
  })
})

test('the series of a connection end when it is deleted, in any process', async () => {
  await using opened = await openTestStore()
  const { store } = opened
  await newInstance(store)
  for (const name of ['gone', 'stays']) await newConnection(store, name)
  const registry = new Registry()
  const runs = createRunMetrics(registry)
  const service = createServiceMetrics(registry)
  const refresh = statusMetrics(registry, {
    store,
    jobs: { place: null },
    health: { report: () => Promise.resolve({ problems: [], warnings: [], parts: [] }) },
  })
  for (const connection of ['gone', 'stays']) {
    beginAttempts(service, connection)
    runs.loadedRecords.inc({ connection, stream: 'a' }, 1)
    runs.batchBytes.observe({ connection, stream: 'a' }, 10)
    runs.bottleneck.set({ connection, stream: 'a', stage: 'copy' }, 1)
    runs.streams.inc({ connection, status: 'complete' })
  }
  const seriesOf = async (connection: string): Promise<number> => {
    await refresh()
    return (await registry.metrics()).split(`connection="${connection}"`).length - 1
  }
  const before = await seriesOf('gone')
  expect(before).toBeGreaterThan(15)
  await store.connections.delete('gone')
  expect(await seriesOf('gone')).toBe(0)
  expect(await seriesOf('stays')).toBe(before)
})
