import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { KafkaLog } from '../../engine/log/kafka/kafka-log.ts'
import { LaneProducer } from '../../engine/log/kafka/lane-producer.ts'
import type { LogConfig, RunPlan, RunResult } from '../../engine/run-types.ts'
import { planRun, runPlan } from '../support/engine.ts'
import { startKafka, testKafka } from '../support/kafka.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'

/**
 * The log remembers what the destination does not: the destination was dropped, or restored from a backup. The next run makes it equal
 * to the source as it is now, not to what the log kept of an earlier life.
 */
const rows = 400
const logger = pino({ level: 'silent' })
const modes = ['overwrite', 'append_dedup', 'append'] as const
type Mode = (typeof modes)[number]

class Shop implements AsyncDisposable {
  readonly #db: TestDatabase
  readonly #connection = `life-${randomUUID().slice(0, 8)}`
  readonly #mode: Mode
  readonly #brokers: readonly string[]

  private constructor(db: TestDatabase, mode: Mode, brokers: readonly string[]) {
    this.#db = db
    this.#mode = mode
    this.#brokers = brokers
  }

  static async open(mode: Mode, brokers = testKafka().brokers): Promise<Shop> {
    const db = await testDatabase()
    await db.query(
      `CREATE TABLE things (id bigint PRIMARY KEY, version int, body text, updated_at timestamptz)`,
    )
    await db.query(
      `INSERT INTO things SELECT n, 0, repeat(md5(n::text), 8), clock_timestamp() FROM generate_series(1, ${String(rows)}) n; ANALYZE things`,
    )
    return new Shop(db, mode, brokers)
  }

  get log(): Extract<LogConfig, { kind: 'kafka' }> {
    return { kind: 'kafka', brokers: this.#brokers, framing: 'block', ssl: false }
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.#db.query(sql)
  }

  /** Every row of the source. */
  async change(): Promise<void> {
    await this.query('UPDATE things SET version = version + 1, updated_at = clock_timestamp()')
  }

  async run({
    untilLoaded,
    log = 'kafka',
  }: {
    readonly untilLoaded?: number
    readonly log?: RunPlan['log']['kind']
  } = {}): Promise<RunResult['streams'][number]> {
    const stop = new AbortController()
    const plan = await this.#plan(log, untilLoaded)
    const { result } = await runPlan(plan, stop.signal, ({ streams }) => {
      if (streams.some(({ loaded }) => loaded >= (untilLoaded ?? Infinity))) stop.abort()
    })
    const [stream] = result.streams
    if (stream === undefined) throw new Error('no stream')
    return stream
  }

  /** The newest version of each row is the source's, and none is there twice. */
  async expectEqual(): Promise<void> {
    const found = await this.query(
      `SELECT count(*)::int AS copies, count(DISTINCT id)::int AS ids FROM copy.things AS c
        WHERE EXISTS (SELECT FROM things s WHERE s.id = c.id AND s.version = c.version AND s.updated_at = c.updated_at)`,
    )
    expect(found).toEqual([{ copies: rows, ids: rows }])
    const twice = 'SELECT id, version FROM copy.things GROUP BY 1, 2 HAVING count(*) > 1'
    expect(await this.query(twice)).toEqual([])
    if (this.#mode === 'append') return
    expect(await this.query('SELECT count(*)::int AS rows FROM copy.things')).toEqual([{ rows }])
  }

  async backUp(): Promise<void> {
    await this.query('CREATE SCHEMA backup')
    for (const table of kept)
      await this.query(`CREATE TABLE backup.${table} AS TABLE reactor_connect.${table}`)
    await this.query('CREATE TABLE backup.things AS TABLE copy.things')
  }

  async restore(): Promise<void> {
    await this.query('DELETE FROM reactor_connect.streams; DELETE FROM reactor_connect.runs')
    for (const table of kept)
      await this.query(
        `INSERT INTO reactor_connect.${table} OVERRIDING SYSTEM VALUE SELECT * FROM backup.${table}`,
      )
    await this.query('DELETE FROM copy.things; INSERT INTO copy.things SELECT * FROM backup.things')
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
      mode: this.#mode,
      streams: ['things'],
      ...(this.#mode !== 'overwrite' && { syncMode: 'incremental', cursor: 'updated_at' }),
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

const kept = ['runs', 'streams', 'slices', 'positions', 'rejected_records']

describe.each(modes)('in the mode %s', { timeout: 180_000 }, (mode) => {
  test('a destination that was dropped is filled from the source', async () => {
    await using shop = await Shop.open(mode)
    await shop.run()
    await shop.query('DROP SCHEMA copy CASCADE; DROP SCHEMA reactor_connect CASCADE')
    await shop.change()
    expect(await shop.run()).toMatchObject({ status: 'complete', read: rows })
    await shop.expectEqual()
    await shop.change()
    expect(await shop.run()).toMatchObject({ status: 'complete', warnings: [] })
    await shop.expectEqual()
  })

  test('a stream whose bookkeeping was deleted, with its rows, begins from the start', async () => {
    await using shop = await Shop.open(mode)
    await shop.run()
    await shop.query('DELETE FROM reactor_connect.streams; DELETE FROM copy.things')
    await shop.change()
    expect(await shop.run()).toMatchObject({ status: 'complete', read: rows })
    await shop.expectEqual()
  })

  // Two syncs take long, and are the same code in every mode.
  test.each(mode === 'append_dedup' ? [1, 2] : [1])(
    'a destination that was restored to before the last %i syncs reads what it lacks from the source',
    async (syncs) => {
      await using shop = await Shop.open(mode)
      await shop.run()
      await shop.backUp()
      for (let sync = 0; sync < syncs; sync++) {
        await shop.change()
        await shop.run()
      }
      await shop.restore()
      await shop.change()
      // As often as it takes to come to the numbers that the log has of the syncs before the restore.
      for (let sync = 0; sync <= syncs; sync++) {
        expect(await shop.run()).toMatchObject({ status: 'complete' })
        await shop.expectEqual()
        await shop.change()
      }
      expect(await shop.run()).toMatchObject({ status: 'complete', warnings: [] })
      await shop.expectEqual()
    },
  )

  test('a destination that was restored to between two attempts of a sync goes on from its checkpoints', async () => {
    await using shop = await Shop.open(mode)
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

  test('an unfinished sync of an older version goes on from its checkpoints, once', async () => {
    await using shop = await Shop.open(mode)
    await shop.run({ untilLoaded: 1 })
    await shop.query(
      `ALTER TABLE reactor_connect.streams DROP attempt_keys, DROP table_oid, DROP bookkeeping_oid, DROP had_rows, DROP table_warnings;
       DELETE FROM reactor_connect.migrations WHERE version >= 7`,
    )
    await shop.run({ untilLoaded: 60 })
    const { status, warnings } = await shop.run()
    expect({ status, unknown: warnings.filter((text) => text.includes('does not know')) }).toEqual({
      status: 'complete',
      unknown: [],
    })
    await shop.change()
    await shop.run()
    await shop.expectEqual()
  })

  test('a connection that is switched between the logs within a sync loads each row once', async () => {
    await using shop = await Shop.open(mode)
    for (const log of ['kafka', 'embedded', 'kafka'] as const)
      await shop.run({ untilLoaded: 40, log })
    expect(await shop.run({ log: 'embedded' })).toMatchObject({ status: 'complete' })
    await shop.change()
    expect(await shop.run()).toMatchObject({ status: 'complete' })
    await shop.expectEqual()
  })
})

/** An open transaction of a writer that is no more: nothing that follows it in the topic of the states can be read. */
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

test(
  'attempts that cannot see the states in the log go on from the destination, and so does one that sees them again',
  { timeout: 180_000 },
  async () => {
    await using broker = await startKafka()
    await using shop = await Shop.open('append', broker.brokers)
    await shop.run({ untilLoaded: 1 })
    const show = await hideStates(shop)
    const { warnings } = await shop.run({ untilLoaded: 60 })
    expect(warnings.join()).toMatch(/cannot be read/)
    await show()
    expect(await shop.run()).toMatchObject({ status: 'complete' })
    await shop.change()
    expect(await shop.run()).toMatchObject({ status: 'complete', warnings: [] })
    await shop.expectEqual()
  },
)
