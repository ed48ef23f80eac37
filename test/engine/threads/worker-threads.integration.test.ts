import { expect, test } from 'vitest'
import type { RunPlan } from '../../../engine/run-types.ts'
import { openWorkerThreads } from '../../../engine/threads/worker-threads.ts'
import { planRun, runPlanIn } from '../../support/engine.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { silent } from '../../support/logger.ts'

async function planOf(
  warehouse: TestDatabase,
  connection: string,
  streams: number,
): Promise<RunPlan> {
  return planRun({
    connection,
    source: {
      type: 'faker',
      config: {
        seed: 5,
        streams: Array.from({ length: streams }, (_, index) => ({
          name: `s${String(index)}`,
          rows: 200,
        })),
      },
    },
    destination: warehouse.address,
    schema: connection,
    log: { kind: 'embedded' },
    mode: 'append',
    limits: { parallelLanes: 2 },
  })
}

test('a run of many streams does not hold up a run of a single stream on the same threads', async () => {
  // Enough rows to take longer than the start of the other run, on a busy machine too.
  const streams = 100
  await using warehouse = await testDatabase()
  await using threads = openWorkerThreads({ lanes: 1, logger: silent })
  const many = await planOf(warehouse, 'many', streams)
  const single = await planOf(warehouse, 'single', 1)
  const hasBegun = Promise.withResolvers<undefined>()
  let complete = 0
  const manyRun = runPlanIn(threads, many, {
    onProgress: (progress) => {
      complete = progress.streams.filter(({ status }) => status === 'complete').length
      if (complete > 0) hasBegun.resolve(undefined)
    },
  })
  await hasBegun.promise
  const { result } = await runPlanIn(threads, single)
  expect(result.status).toBe('complete')
  expect(complete).toBeLessThan(streams)
  expect((await manyRun).result.streams.map(({ status }) => status)).toEqual(
    Array.from({ length: streams }, () => 'complete'),
  )
})
