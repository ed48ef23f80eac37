import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { testKafka } from '../support/kafka.ts'
import { newFolderInMemory } from '../support/new-folder.ts'
import { testDatabase } from '../support/postgres.ts'
import { builtProgram } from '../support/program.ts'
import { javaConsumer, pythonConsumer } from './consumer-programs.ts'
import { playRounds } from './rounds.ts'

/** `npm run test:long -- topic-consumers` sets it: consumers are installed for it alone. */
const rounds = Number(process.env.CONSUMER_ROUNDS ?? 0)
const seed = Number(process.env.CONSUMER_SEED ?? randomBytes(3).readUIntBE(0, 3))

describe.runIf(rounds > 0)('consumers that were written from the documentation', () => {
  it(
    `have the rows of the destination after each of ${rounds} rounds of changes and kills (seed ${seed})`,
    { timeout: rounds * 120_000 + 300_000 },
    async () => {
      await using source = await testDatabase()
      await using destination = await testDatabase()
      const ended = await playRounds({
        ...{ rounds, seed, source, destination },
        brokers: testKafka().brokers,
        program: builtProgram(),
        consumers: [await pythonConsumer(), await javaConsumer()],
        folder: await newFolderInMemory('topic-consumers'),
        say: (text) => process.stdout.write(`${text}\n`),
      })
      expect(ended.compared).toBeGreaterThanOrEqual(rounds * 20)
    },
  )
})
