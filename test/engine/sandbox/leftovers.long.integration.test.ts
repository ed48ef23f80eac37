import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { TablePlan } from '../../../engine/run-types.ts'
import {
  dropSandboxSchema,
  listSandboxSchemas,
} from '../../../sinks/postgres/sandbox/sandbox-schema.ts'
import { planRun, runPlan } from '../../support/engine.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { seededRandom } from '../../support/random.ts'
import { checksum, leftovers, sandboxId } from './sandbox-run.ts'
import { newFolder } from '../../support/new-folder.ts'

/** Sandboxes in all, of which a third is killed; the long form (`npm run test:long -- sandbox`) sets more. */
const sandboxes = Number(process.env.SANDBOX_KILLS ?? 12)
const seed = Number(process.env.SANDBOX_KILL_SEED ?? 7)
/**
 * Processes at the same time; each runs this many sandboxes, four at once and then two at once, which are
 * killed in their middle.
 */
const processes = 2
const inEach = 6

const program = new URL('sandbox-process.ts', import.meta.url).pathname

test(
  `after ${String(sandboxes)} sandboxes, a third of them killed, one sweep leaves nothing`,
  { timeout: 170_000 + sandboxes * 2_000 },
  async () => {
    await using db = await testDatabase()
    const streams = ['a', 'b', 'c'].map((name) => ({ name, rows: 300, columns: 'narrow' }))
    const plan = await planRun({
      connection: 'shop',
      source: { type: 'faker', config: { streams } },
      destination: db.address,
      schema: 'dest',
      log: { kind: 'embedded' },
      mode: 'append_dedup',
      limits: { parallelLanes: 1 },
    })
    await runPlan(plan)
    const production = [await checksum(db, 'dest'), await checksum(db, 'reactor_connect')]
    const random = seededRandom(seed)
    const folder = await newFolder('sandbox-kills')
    // Shared by the processes, which spend most of their time starting otherwise.
    const compileCache = await newFolder('sandbox-cache')
    const moments = Array.from({ length: Math.ceil(sandboxes / inEach) }, () => random() * 500)
    const killed: boolean[] = []
    const waiting = moments.values()
    const runNext = async (): Promise<void> => {
      for (const killAfterMs of waiting)
        killed.push(await runAndKill(plan, { folder, compileCache, killAfterMs }))
    }
    await Promise.all(Array.from({ length: processes }, runNext))
    // One that was already done when the kill came is none: most must be.
    expect(killed.filter(Boolean).length).toBeGreaterThan(killed.length * 0.8)

    const found = await listSandboxSchemas(plan.destination)
    const expired = found.filter(({ expiresAtMs }) => expiresAtMs <= Date.now())
    expect(expired.length).toBeGreaterThanOrEqual((killed.length * inEach * 2) / 3)
    for (const { id } of expired) await dropSandboxSchema(plan.destination, id)
    expect(await leftovers(db)).toEqual([])
    expect(await sessions(db)).toEqual([])
    expect(await readdir(folder)).toEqual([])
    expect([await checksum(db, 'dest'), await checksum(db, 'reactor_connect')]).toEqual(production)
  },
)

/**
 * Runs sandboxes in a process of their own, and kills it while the last ones go on. Gives whether it was
 * killed.
 */
async function runAndKill(
  plan: TablePlan,
  {
    folder,
    compileCache,
    killAfterMs,
  }: { readonly folder: string; readonly compileCache: string; readonly killAfterMs: number },
): Promise<boolean> {
  const ids = Array.from({ length: inEach }, sandboxId)
  const child = spawn(process.execPath, [program, JSON.stringify(plan), ...ids], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: folder, NODE_COMPILE_CACHE: compileCache },
  })
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== ids.at(-1)) continue
    // The moment is the point: every step of a sandbox is to be met by some kill.
    await sleep(killAfterMs)
    child.kill('SIGKILL')
  }
  const [, signal] = (await exited) as [number | null, string | null]
  return signal === 'SIGKILL'
}

/** Sessions of killed processes end when the server next speaks to them. */
async function sessions(db: TestDatabase): Promise<unknown[]> {
  for (let left = 100; ; left--) {
    const found = await db.query(
      `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'reactor-connect'`,
    )
    if (found.length === 0 || left === 0) return found
    await sleep(50)
  }
}
