import { expect, test } from 'vitest'
import { RelaxedPolling } from '../../../service/schedules/relaxed-polling.ts'
import type { Connection } from '../../../service/connections/schema.ts'

const lastRunAt = '2026-01-01T00:00:10.000Z'
const connection = {
  name: 'shop-to-pg',
  schedule: { cron: '*/15 * * * *' },
  lastRun: { status: 'complete', createdAt: lastRunAt },
} as unknown as Connection

function relaxed(every: number | null, covers = true): RelaxedPolling {
  return new RelaxedPolling({
    sweepEvery: (about) => {
      expect(about).toEqual({ connection: 'shop-to-pg', lastRunAt })
      return Promise.resolve(every)
    },
    coversAll: () => Promise.resolve(covers),
  })
}

const timeAt = (time: string): number => Date.parse(`2026-01-01T${time}:00Z`)

test('while events flow, every tenth scheduled run starts', async () => {
  const polling = relaxed(10)
  expect(await polling.skips(connection, timeAt('00:15'))).toBe(true)
  expect(await polling.skips(connection, timeAt('02:15'))).toBe(true)
  expect(await polling.skips(connection, timeAt('02:30'))).toBe(false)
  // Also if the service did not run meanwhile.
  expect(await polling.skips(connection, timeAt('17:00'))).toBe(false)
})

test('every one starts if no events flow, some streams have none, or the last run has failed', async () => {
  expect(await relaxed(null).skips(connection, timeAt('00:15'))).toBe(false)
  expect(await relaxed(10, false).skips(connection, timeAt('00:15'))).toBe(false)
  for (const status of ['failed', 'partial', 'cancelled'] as const) {
    const last = { ...connection, lastRun: { ...connection.lastRun, status } } as Connection
    expect(await relaxed(10).skips(last, timeAt('00:15'))).toBe(false)
  }
  expect(await relaxed(10).skips({ ...connection, lastRun: null }, timeAt('00:15'))).toBe(false)
})
