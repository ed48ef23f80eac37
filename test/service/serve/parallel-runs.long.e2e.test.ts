import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { mostParallelRuns, thisMachine } from '../../../service/run-worker/machine-limits.ts'
import { metadataTemplate, testDatabase } from '../../support/postgres.ts'
import { hasEnded, runSchema, runWhen, serviceFolder } from '../../support/service-process.ts'

const anything = z.unknown()
/**
 * HEALTHCHECK of the Dockerfile, which gives the container up after this number of checks that each took this
 * long: a promise about time, so it is measured.
 */
const healthTimeoutMs = 5_000
const healthRetries = 3

test('parallel_runs beyond what the machine bears is warned of and not used, and /healthz responds meanwhile', async () => {
  await using metadata = await testDatabase(metadataTemplate)
  await using data = await testDatabase()
  await using folder = await serviceFolder()
  const service = await folder.start({
    environment: {
      REACTOR_CONNECT_DATABASE_URL: metadata.url,
      REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
      REACTOR_CONNECT_PARALLEL_RUNS: '1000',
    },
  })
  const most = mostParallelRuns(thisMachine())
  expect(service.output()).toContain(`this process works on ${most} runs at a time`)
  const config = { streams: [{ name: 'items', columns: 'narrow', rows: 50_000 }] }
  await service.ask(anything, '/instances', { body: { name: 'fake', type: 'faker', config } })
  const ids: string[] = []
  for (let index = 0; index < most + 4; index++) {
    const name = `c${index}`
    const body = { name, from: 'fake', destination: `data:d${index}`, activate: true }
    await service.ask(anything, '/connections', { body })
    const run = await service.ask(runSchema, `/connections/${name}/runs`, { method: 'POST' })
    ids.push(run.id)
  }
  let slowInARow = 0
  let mostSlowInARow = 0
  let isOver = false
  const watch = async (): Promise<void> => {
    while (!isOver) {
      const startedMs = Date.now()
      expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
      slowInARow = Date.now() - startedMs < healthTimeoutMs ? 0 : slowInARow + 1
      mostSlowInARow = Math.max(mostSlowInARow, slowInARow)
      await sleep(100)
    }
  }
  const watching = watch()
  for (const id of ids)
    expect(await runWhen(service, id, hasEnded)).toMatchObject({ status: 'complete', attempts: 1 })
  isOver = true
  await watching
  expect(mostSlowInARow).toBeLessThan(healthRetries)
}, 300_000)
