import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { KafkaLog } from '../../engine/log/kafka/kafka-log.ts'
import { LaneProducer } from '../../engine/log/kafka/lane-producer.ts'
import type { LogConfig, RunPlan, RunResult } from '../../engine/run-types.ts'
import { planRun, runPlan, type PlanOptions } from '../support/engine.ts'
import { startKafka, testKafka } from '../support/kafka.ts'
import { bookkeepingBefore } from '../support/old-bookkeeping.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { silent as logger } from '../support/logger.ts'
import { longTest, usually } from '../support/long.ts'

/**
 * The log remembers what the destination does not: the destination was dropped, or restored from a backup.
 * The next run makes it equal to the source as it is now, not to what the log kept of an earlier life.
 */
const rows = 400
const modes = ['overwrite', 'append_dedup', 'append'] as const
type Mode = (typeof modes)[number]
type KafkaConfig = Extract<LogConfig, { kind: 'kafka' }>

/** A table for each mode, which has its name. */
class Shop implements AsyncDisposable {
  readonly #db: TestDatabase
  readonly #connection = `life-${randomUUID().slice(0, 8)}`
  readonly #modes: readonly Mode[]
  readonly log: KafkaConfig

  private constructor(db: TestDatabase, modes: readonly Mode[], log: KafkaConfig) {
    this.#db = db
    this.#modes = modes
    this.log = log
  }

  static async open(modes: readonly Mode[], log: Partial<KafkaConfig> = {}): Promise<Shop> {
    const { brokers } = testKafka()
    const db = await testDatabase()
    for (const mode of modes) {
      await db.query(
        `CREATE TABLE ${mode} (id bigint PRIMARY KEY, version int, body text, updated_at timestamptz)`,
      )
      await db.query(
        `INSERT INTO ${mode} SELECT n, 0, repeat(md5(n::text), 8), clock_timestamp() FROM generate_series(1, ${String(rows)}) n; ANALYZE ${mode}`,
      )
    }
    return new Shop(db, modes, { kind: 'kafka', brokers, framing: 'block', ssl: false, ...log })
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.#db.query(sql)
  }

  /** Every row of the source. */
  async change(): Promise<void> {
    for (const mode of this.#modes)
      await this.query(`UPDATE ${mode} SET version = version + 1, updated_at = clock_timestamp()`)
  }

  /** The results of the streams, in the order of the modes. */
  async runAll({
    untilLoaded,
    log = 'kafka',
  }: {
    readonly untilLoaded?: number
    readonly log?: RunPlan['log']['kind']
  } = {}): Promise<RunResult['streams']> {
    const stop = new AbortController()
    const plan = await this.#plan(log, untilLoaded)
    const { result } = await runPlan(plan, stop.signal, ({ streams }) => {
      if (streams.some(({ loaded }) => loaded >= (untilLoaded ?? Infinity))) stop.abort()
    })
    return this.#modes.map((mode) => {
      const stream = result.streams.find(({ stream: { name } }) => name === mode)
      if (stream === undefined) throw new Error(`no stream ${mode}`)
      return stream
    })
  }

  /** The result of the only stream. */
  async run(options?: Parameters<Shop['runAll']>[0]): Promise<RunResult['streams'][number]> {
    const [stream] = await this.runAll(options)
    if (stream === undefined) throw new Error('no stream')
    return stream
  }

  /** The newest version of each row is the source's, and none is there twice. */
  async expectEqual(): Promise<void> {
    for (const mode of this.#modes) {
      const found = await this.query(
        `SELECT count(*)::int AS copies, count(DISTINCT id)::int AS ids FROM copy.${mode} AS c
          WHERE EXISTS (SELECT FROM ${mode} s WHERE s.id = c.id AND s.version = c.version AND s.updated_at = c.updated_at)`,
      )
      expect(found, mode).toEqual([{ copies: rows, ids: rows }])
      const twice = `SELECT id, version FROM copy.${mode} GROUP BY 1, 2 HAVING count(*) > 1`
      expect(await this.query(twice), mode).toEqual([])
      if (mode === 'append') continue
      const count = `SELECT count(*)::int AS rows FROM copy.${mode}`
      expect(await this.query(count), mode).toEqual([{ rows }])
    }
  }

  async loseRows(): Promise<void> {
    for (const mode of this.#modes) await this.query(`DELETE FROM copy.${mode}`)
  }

  async backUp(): Promise<void> {
    await this.query('CREATE SCHEMA backup')
    for (const table of kept)
      await this.query(`CREATE TABLE backup.${table} AS TABLE reactor_connect.${table}`)
    for (const mode of this.#modes)
      await this.query(`CREATE TABLE backup.${mode} AS TABLE copy.${mode}`)
  }

  async restore(): Promise<void> {
    await this.query('DELETE FROM reactor_connect.streams; DELETE FROM reactor_connect.runs')
    for (const table of kept)
      await this.query(
        `INSERT INTO reactor_connect.${table} OVERRIDING SYSTEM VALUE SELECT * FROM backup.${table}`,
      )
    await this.loseRows()
    for (const mode of this.#modes)
      await this.query(`INSERT INTO copy.${mode} SELECT * FROM backup.${mode}`)
  }

  async #plan(log: RunPlan['log']['kind'], untilLoaded?: number): Promise<RunPlan> {
    const { address } = this.#db
    return planRun({
      connection: this.#connection,
      source: {
        type: 'postgres',
        config: { ...address, schemas: ['public'], range_rows: 150, state_rows: 20 },
      },
      destination: address,
      schema: 'copy',
      log: log === 'embedded' ? { kind: 'embedded' } : this.log,
      mode: 'overwrite',
      streams: this.#modes,
      ofStream: (name) => incrementalModes[name] ?? {},
      limits: {
        partitionsPerStream: 2,
        // Each state is a checkpoint, so that a stop finds something to go on from.
        ...(untilLoaded !== undefined && { commitBytes: 1, commitMs: 1 }),
      },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#db[Symbol.asyncDispose]()
  }
}

const incremental = { syncMode: 'incremental', cursor: 'updated_at' } as const
const incrementalModes: Readonly<Record<string, Partial<PlanOptions>>> = {
  append_dedup: { mode: 'append_dedup', ...incremental },
  append: { mode: 'append', ...incremental },
}

const kept = ['runs', 'streams', 'slices', 'positions', 'rejected_records']

/** The values of each stream of a run. */
const inEach = (result: object): readonly unknown[] =>
  modes.map(() => expect.objectContaining(result) as unknown)

/**
 * A writer of another test that is killed in the middle of a transaction would hide the states from it, with
 * a warning.
 */
const ownTopics = { topicsPerConnection: true }

// Concurrent, as all that follow: a run waits for its broker most of the time.
describe.concurrent('in all modes', { timeout: 180_000 }, () => {
  test('a destination that was dropped is filled from the source', async () => {
    await using shop = await Shop.open(modes, ownTopics)
    await shop.runAll()
    await shop.query('DROP SCHEMA copy CASCADE; DROP SCHEMA reactor_connect CASCADE')
    await shop.change()
    expect(await shop.runAll()).toEqual(inEach({ status: 'complete', read: rows }))
    await shop.expectEqual()
    await shop.change()
    expect(await shop.runAll()).toEqual(inEach({ status: 'complete', warnings: [] }))
    await shop.expectEqual()
  })

  longTest(
    'a stream whose bookkeeping was deleted, with its rows, begins from the start',
    async () => {
      await using shop = await Shop.open(modes)
      await shop.runAll()
      await shop.query('DELETE FROM reactor_connect.streams')
      await shop.loseRows()
      await shop.change()
      expect(await shop.runAll()).toEqual(inEach({ status: 'complete', read: rows }))
      await shop.expectEqual()
    },
  )

  longTest.each([1, 2])(
    'a destination that was restored to before the last %i syncs reads what it lacks from the source',
    async (syncs) => {
      await using shop = await Shop.open(modes, ownTopics)
      await shop.runAll()
      await shop.backUp()
      for (let sync = 0; sync < syncs; sync++) {
        await shop.change()
        await shop.runAll()
      }
      await shop.restore()
      await shop.change()
      // As often as it takes to come to the numbers that the log has of the syncs before the restore.
      for (let sync = 0; sync <= syncs; sync++) {
        expect(await shop.runAll()).toEqual(inEach({ status: 'complete' }))
        await shop.expectEqual()
        await shop.change()
      }
      expect(await shop.runAll()).toEqual(inEach({ status: 'complete', warnings: [] }))
      await shop.expectEqual()
    },
  )
})

describe.concurrent.each(usually(1, modes))('in the mode %s', { timeout: 180_000 }, (mode) => {
  test('a destination that was restored to between two attempts of a sync goes on from its checkpoints', async () => {
    await using shop = await Shop.open([mode])
    await shop.run({ untilLoaded: 1 })
    await shop.backUp()
    await shop.run({ untilLoaded: 60 })
    await shop.run()
    await shop.restore()
    await shop.change()
    await shop.run({ untilLoaded: 60 })
    expect(await shop.run()).toMatchObject({ status: 'complete' })
    await shop.run()
    await shop.expectEqual()
  })

  longTest(
    'an unfinished sync of an older version goes on from its checkpoints, once',
    async () => {
      await using shop = await Shop.open([mode])
      await shop.run({ untilLoaded: 1 })
      await shop.query(bookkeepingBefore(7))
      await shop.run({ untilLoaded: 60 })
      const { status, warnings } = await shop.run()
      expect({
        status,
        unknown: warnings.filter((text) => text.includes('does not know')),
      }).toEqual({
        status: 'complete',
        unknown: [],
      })
      await shop.change()
      await shop.run()
      await shop.expectEqual()
    },
  )

  longTest(
    'a connection that is switched between the logs within a sync loads each row once',
    async () => {
      await using shop = await Shop.open([mode])
      for (const log of ['kafka', 'embedded', 'kafka'] as const)
        await shop.run({ untilLoaded: 40, log })
      expect(await shop.run({ log: 'embedded' })).toMatchObject({ status: 'complete' })
      await shop.change()
      expect(await shop.run()).toMatchObject({ status: 'complete' })
      await shop.expectEqual()
    },
  )
})

/** An open transaction of a writer that is no more: it hides what follows from whoever reads committed. */
async function hideStates({ log }: Shop): Promise<() => Promise<void>> {
  await using opened = await KafkaLog.open(log, logger)
  const stream = { name: 'hider' }
  const {
    lanes: [lane],
  } = await opened.openStream({ connection: 'other', stream, partitions: 1 })
  if (lane?.writer.address.kind !== 'kafka') throw new Error('no lane')
  const { kafka } = lane.writer.address
  await using dead = await LaneProducer.open(kafka, logger)
  await dead.sendStates([{ key: 'hider', value: '{}' }])
  return async () => {
    await using heir = await LaneProducer.open(kafka, logger)
    await heir.abort()
  }
}

longTest.concurrent(
  'attempts behind a transaction that another connection has left open go on from the states in the log, and so does one after it',
  { timeout: 180_000 },
  async () => {
    await using broker = await startKafka()
    await using shop = await Shop.open(['append'], { brokers: broker.brokers })
    await shop.run({ untilLoaded: 1 })
    const show = await hideStates(shop)
    for (const untilLoaded of [40, 60])
      expect(await shop.run({ untilLoaded })).toMatchObject({ warnings: [] })
    await show()
    expect(await shop.run()).toMatchObject({ status: 'complete' })
    await shop.change()
    expect(await shop.run()).toMatchObject({ status: 'complete', warnings: [] })
    await shop.expectEqual()
  },
)
