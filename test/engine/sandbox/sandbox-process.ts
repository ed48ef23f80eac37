import { writeSync } from 'node:fs'
import { runSandbox } from '../../../engine/sandbox/run-sandbox.ts'
import { openWorkerThreads } from '../../../engine/threads/worker-threads.ts'
import type { TablePlan } from '../../../engine/run-types.ts'
import { silent as logger } from '../../support/logger.ts'

/**
 * A process that runs sandboxes until it is killed: `node sandbox-process.ts PLAN ID…`, where the plan is
 * JSON. The last two begin when the others have ended. It writes an id to stdout when that sandbox begins,
 * and ends when all have ended.
 */
const [planText = '', ...ids] = process.argv.slice(2)
const plan = JSON.parse(planText) as TablePlan
await using threads = openWorkerThreads({ lanes: 4, logger })
const { signal } = new AbortController()
const ports = { logger, threads, now: Date.now, signal }

async function run(id: string): Promise<void> {
  writeSync(1, `${id}\n`)
  await runSandbox(plan, { id, limitRows: 200, expiresAtMs: Date.now() }, ports)
}

await Promise.all(ids.slice(0, -2).map(run))
await Promise.all(ids.slice(-2).map(run))
