import { randomUUID } from 'node:crypto'
import { describe, inject, test } from 'vitest'
import { CheckpointReader } from '../../../sinks/topic/bookkeeping/checkpoint-reader.ts'
import { createCrashShop, crashModes, crashRows } from '../../support/crash-shop.ts'
import { finishEngine, killEngine } from '../../support/engine-process.ts'
import { silent } from '../../support/logger.ts'
import { testDatabase } from '../../support/postgres.ts'
import { seededRandom } from '../../support/random.ts'
import { runFile } from '../../support/run-file.ts'
import {
  expectEqual,
  expectNoSetback,
  serversOf,
  topicsRunFile,
  type CrashTopics,
} from './crash-topics.ts'

/**
 * Rounds of each log; the long form sets more. The seed is printed with a failure: play it again with
 * CRASH_SEED.
 */
const rounds = Number(process.env.CRASH_ROUNDS ?? 2)
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000)
const overwrites = ['overwrite', 'overwrite_dedup'] as const
/** Rows of an earlier generation, which the overwrites are to delete. */
const oldRows = 7

async function loadOldRows(round: CrashTopics): Promise<void> {
  const { shop } = round
  for (const mode of overwrites)
    await shop.query(
      `INSERT INTO orders_${mode} SELECT -n, 'old', now() FROM generate_series(1, ${String(oldRows)}) n`,
    )
  await using file = await runFile(topicsRunFile(round, overwrites))
  await finishEngine(file.path)
  for (const mode of overwrites) await shop.query(`DELETE FROM orders_${mode} WHERE id < 0`)
}

/**
 * Whether the kill came too late: the run had come to its own end. To start it again would be a new run,
 * which appends once more.
 */
async function hasEnded(topics: CrashTopics, run: number): Promise<boolean> {
  await using reader = await CheckpointReader.open({
    servers: serversOf(topics),
    connection: topics.connection,
    logger: silent,
  })
  // The hidden rows of a killed lane belong to no end.
  await reader.catchUp(500)
  const { run: record } = reader.checkpoints
  return record?.run === run && record.ended
}

async function playRound(round: CrashTopics, random: () => number): Promise<void> {
  await loadOldRows(round)
  await using file = await runFile(topicsRunFile(round))
  const kills = 2 + Math.floor(random() * 2)
  for (let kill = 0; kill < kills && !(await hasEnded(round, 2)); kill++) {
    const afterMs = random() * 400
    await killEngine(file.path, { afterMs, loaded: Math.floor(random() * crashRows * 2) })
  }
  if (!(await hasEnded(round, 2))) await finishEngine(file.path)
  for (const mode of crashModes) await expectEqual(round, mode)
  await expectNoSetback(round)
}

describe.each(['embedded', 'kafka'] as const)(
  'an engine that loads topics, killed with -9, over the %s log',
  (log) => {
    test(
      `resumes and ends equal, row by row, in every mode (seed ${String(seed)})`,
      { timeout: 60_000 + rounds * 60_000 },
      async () => {
        const random = seededRandom(seed + (log === 'kafka' ? 1 : 0))
        const brokers = inject('kafkaBrokers')
        for (let round = 0; round < rounds; round++) {
          await using shop = await testDatabase()
          await createCrashShop(shop)
          const connection = `crash-${randomUUID().slice(0, 8)}`
          const ofRun = log === 'kafka' ? { kafka: { brokers } } : 'embedded'
          await playRound({ shop, connection, log: ofRun, brokers }, random)
        }
      },
    )
  },
)
