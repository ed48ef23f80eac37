import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { ScheduleHandOver } from '../../../service/schedules/hand-over-schedules.ts'
import { silent } from '../../support/logger.ts'

test('when the store fails, the lock is held until what is under way at Jobs has ended', async () => {
  const order: string[] = []
  const unsent = ['slow', 'broken'].map((connectionId) => ({ connectionId, schedule: null }))
  const asked = Promise.withResolvers<undefined>()
  const failed = Promise.withResolvers<undefined>()
  const handOver = new ScheduleHandOver({
    place: 'http://jobs',
    logger: silent,
    jobs: {
      setSchedule: async () => {
        asked.resolve(undefined)
        await failed.promise
        await new Promise((resolve) => setImmediate(resolve))
        order.push('sent')
      },
    },
    store: {
      runExclusively: async (_lock, work) => {
        try {
          return await work()
        } finally {
          order.push('let go')
        }
      },
      schedulesAtJobs: {
        findUnsent: () => Promise.resolve(unsent),
        countUnsent: () => Promise.resolve(unsent.length),
        begin: async (_place, connectionId) => {
          if (connectionId === 'slow') return
          await asked.promise
          failed.resolve(undefined)
          throw new ConnectError('store_unavailable', { details: { reason: 'it is away' } })
        },
        confirm: () => Promise.resolve(),
        sendAllAgain: () => Promise.resolve(),
        forgetOthers: () => Promise.resolve([]),
      },
    },
  })
  await expect(handOver.send()).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(order).toEqual(['sent', 'let go'])
})
