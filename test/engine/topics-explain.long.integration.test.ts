import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  planValue,
  streamStateValue,
  syncEndValue,
  type PlanValue,
} from '../../engine/log/kafka/message-schemas.ts'
import { topicName } from '../../engine/log/kafka/topic-names.ts'
import type { RunPlan, RunResult } from '../../engine/run-types.ts'
import {
  stringifyExact,
  type JsonObject,
  type RecordData,
  type RecordValue,
} from '../../protocol/index.ts'
import type { SyncMode } from '../../sinks/sink.ts'
import { loadedAtLeast, startEngine } from '../support/engine-process.ts'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { readTopic, type ReadMessage } from '../support/read-topic.ts'
import { runFile } from '../support/run-file.ts'
import { rebuildWhole } from './topics/rebuild-whole.ts'
import { usually } from '../support/long.ts'

/**
 * The topics alone contain everything about a stream. Tested with real runs of every mode, one of them
 * stopped in the middle and one killed, and with a schema that changes. The reference reader's result for the
 * topic equals the rows of PostgreSQL, row by row.
 */
const rows = 5_000
const syncModes = {
  append: 'incremental',
  append_dedup: 'incremental',
  overwrite: 'full_refresh',
  overwrite_dedup: 'full_refresh',
} as const satisfies Record<SyncMode, string>
const modes = Object.keys(syncModes) as SyncMode[]
const framings = ['block', 'record'] as const
type Framing = (typeof framings)[number]

/** A table for each mode, which has its name. */
class Shop implements AsyncDisposable {
  readonly connection: string
  readonly #db: TestDatabase
  readonly #framing: Framing
  columns = ['id', 'version', 'body', '_ab_cdc_deleted_at']

  private constructor(db: TestDatabase, framing: Framing) {
    this.#db = db
    this.#framing = framing
    this.connection = `explain-${framing}-${randomUUID().slice(0, 8)}`
  }

  static async open(framing: Framing): Promise<Shop> {
    const shop = new Shop(await testDatabase(), framing)
    for (const mode of modes) {
      await shop.query(
        `CREATE TABLE ${mode} (id bigint PRIMARY KEY, version int, body text, updated_at timestamptz, _ab_cdc_deleted_at timestamptz);
         INSERT INTO ${mode} SELECT n, 0, repeat(md5(n::text), 4), clock_timestamp(), NULL FROM generate_series(1, ${String(rows)}) n`,
      )
      await shop.query(`ANALYZE ${mode}`)
    }
    return shop
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.#db.query(sql)
  }

  /**
   * Some rows get another version, some are new, some are gone: marked, or deleted if every sync reads all of
   * them.
   */
  async change(): Promise<void> {
    for (const mode of modes) {
      await this.query(
        `UPDATE ${mode} SET version = version + 1, updated_at = clock_timestamp() WHERE id % 2 = 0;
         UPDATE ${mode} SET _ab_cdc_deleted_at = clock_timestamp(), updated_at = clock_timestamp()
          WHERE id IN (SELECT id FROM ${mode} WHERE _ab_cdc_deleted_at IS NULL ORDER BY id LIMIT 9);
         INSERT INTO ${mode} (id, version, body, updated_at)
         SELECT (SELECT max(id) FROM ${mode}) + n, 0, 'new', clock_timestamp() FROM generate_series(1, 40) n`,
      )
    }
    for (const mode of ['overwrite', 'overwrite_dedup'])
      await this.query(`DELETE FROM ${mode} WHERE id % 7 = 3`)
  }

  async addColumn(): Promise<void> {
    for (const mode of modes)
      await this.query(
        `ALTER TABLE ${mode} ADD COLUMN note text; UPDATE ${mode} SET note = 'note ' || id`,
      )
    this.columns = [...this.columns, 'note']
  }

  /** `untilLoaded`: the run is stopped when a stream has loaded this many records. */
  async run(untilLoaded = Infinity): Promise<RunResult> {
    const stop = new AbortController()
    const isStopped = untilLoaded < Infinity
    const { result } = await runPlan(await this.#plan(isStopped), stop.signal, ({ streams }) => {
      if (streams.some(({ loaded }) => loaded >= untilLoaded)) stop.abort()
    })
    return result
  }

  async #plan(isSlow: boolean): Promise<RunPlan> {
    const { address } = this.#db
    return planRun({
      connection: this.connection,
      source: { type: 'postgres', config: this.#source },
      destination: address,
      schema: 'copy',
      log: logConfig(`kafka ${this.#framing}`),
      mode: 'append',
      streams: modes,
      ofStream: (name) => modeOf(name),
      limits: { partitionsPerStream: 2, ...(isSlow && { commitBytes: 1, commitMs: 1 }) },
    })
  }

  get #source(): JsonObject {
    return { ...this.#db.address, schemas: ['public'], range_rows: 300, state_rows: 20 }
  }

  /** The same in a process of its own, which is killed with -9 when it has loaded some records. */
  async kill(): Promise<void> {
    await using file = await runFile({
      connection: this.connection,
      source: { type: 'postgres', config: this.#source },
      destination: { type: 'postgres', config: { ...this.#db.address, schema: 'copy' } },
      log: { kafka: { brokers: inject('kafkaBrokers'), framing: this.#framing } },
      streams: modes.map((mode) => ({
        name: mode,
        sync_mode: syncModes[mode],
        destination_sync_mode: mode,
        ...(syncModes[mode] === 'incremental' && { cursor_field: 'updated_at' }),
      })),
      limits: { partitions_per_stream: 2, commit_bytes: 65_536, commit_ms: 1 },
    })
    const engine = startEngine(file.path)
    const exited = once(engine, 'exit')
    await loadedAtLeast(engine, 1)
    engine.kill('SIGKILL')
    await exited
  }

  topic(mode: SyncMode): Promise<ReadMessage[]> {
    return readTopic(topicName(this.connection, { namespace: 'public', name: mode }))
  }

  /**
   * Expects the rows of PostgreSQL and those of the topic to be the same, in any order of the topic's
   * partitions.
   */
  async expectSame(): Promise<void> {
    for (const mode of modes) {
      const columns = this.columns.map((name) => `${name}::text`).join(', ')
      const loaded = await this.query(`SELECT ${columns} FROM copy.${mode}`)
      const messages = await this.topic(mode)
      const expected = loaded.map((row) => this.columns.map((name) => isoOf(row[name]))).map(textOf)
      expect(expected.length, mode).toBeGreaterThan(0)
      for (const [order, ordered] of Object.entries(ordersOf(messages))) {
        const rebuild = rebuildWhole(mode, ordered)
        const rebuilt = rebuild.rows().map((row) => textOf(this.#valuesOf(row)))
        expect(rebuilt.toSorted(), `${mode}, ${order}`).toEqual(expected.toSorted())
      }
    }
  }

  #valuesOf(row: RecordData): unknown[] {
    return this.columns.map((name) => {
      const value = row[name] ?? null
      return name === '_ab_cdc_deleted_at' ? isoOf(value) : value === null ? null : exactText(value)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#db[Symbol.asyncDispose]()
  }
}

function modeOf(name: string): {
  readonly mode: SyncMode
  readonly syncMode: 'full_refresh' | 'incremental'
  readonly cursor?: string
} {
  const mode = modes.find((known) => known === name)
  if (mode === undefined) throw new Error(`no mode ${name}`)
  const syncMode = syncModes[mode]
  return { mode, syncMode, ...(syncMode === 'incremental' && { cursor: 'updated_at' }) }
}

/** A moment in milliseconds, regardless of the writer; other texts as they are. */
function isoOf(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d[ T]/.test(value)) return value
  return new Date(value.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).toISOString()
}

/** Returns the exact text of a number or a text. */
function exactText(value: RecordValue): string {
  return typeof value === 'string' ? value : stringifyExact(value)
}

const textOf = (values: unknown): string => JSON.stringify(values)

/** Kafka promises no order between partitions. */
function ordersOf(messages: readonly ReadMessage[]): Record<string, readonly ReadMessage[]> {
  const byPartition = [...Map.groupBy(messages, ({ partition }) => partition).values()]
  const longest = Math.max(...byPartition.map(({ length }) => length))
  const inTurn = Array.from({ length: longest }, (_, index) =>
    byPartition.flatMap((some) => some.slice(index, index + 1)),
  ).flat()
  return {
    'one partition after the other': byPartition.flat(),
    'the last partition first': byPartition.toReversed().flat(),
    'in turn': inTurn,
  }
}

const header = ({ headers }: ReadMessage, name: string): string => headers.get(name) ?? ''
const typeOf = (message: ReadMessage): string => header(message, 'type')
const json = ({ value }: ReadMessage): unknown => JSON.parse(String(value))

/** The plans in one partition, in order. */
function plansIn(messages: readonly ReadMessage[], partition = 0): PlanValue[] {
  return messages
    .filter((message) => message.partition === partition && typeOf(message) === 'PLAN')
    .map((message) => planValue.parse(json(message)))
}

/** If all was read before the first rows were loaded, the run was a whole one. */
async function stopOne(shop: Shop): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    if ((await shop.run(20)).status === 'stopped') return
    await shop.change()
  }
  throw new Error('no run was stopped in the middle')
}

describe.each(usually(1, framings))(
  'the topics of runs in the framing %s',
  { timeout: 240_000 },
  (framing) => {
    let shop: Shop
    let topics: Record<string, ReadMessage[]>

    /** A whole run; one that is stopped and its heir; a new column, a run that is killed and its heir. */
    beforeAll(async () => {
      shop = await Shop.open(framing)
      expect((await shop.run()).status).toBe('complete')
      await shop.expectSame()
      await shop.change()
      await stopOne(shop)
      await shop.change()
      expect((await shop.run()).status).toBe('complete')
      await shop.expectSame()
      await shop.addColumn()
      await shop.change()
      await shop.kill()
      expect((await shop.run()).status).toBe('complete')
      topics = Object.fromEntries(
        await Promise.all(modes.map(async (mode) => [mode, await shop.topic(mode)] as const)),
      )
    }, 240_000)
    afterAll(() => shop[Symbol.asyncDispose]())

    test('the tables that they tell are those of PostgreSQL', async () => {
      await shop.expectSame()
    })

    test.each(modes)('of the mode %s say what the stream means', (mode) => {
      const messages = topics[mode] ?? []
      const plans = plansIn(messages)
      const isIncremental = syncModes[mode] === 'incremental'
      for (const plan of plans) {
        expect(plan).toMatchObject({
          connection: shop.connection,
          stream: { namespace: 'public', name: mode },
          sync_mode: syncModes[mode],
          destination_sync_mode: mode,
          primary_key: [['id']],
          cursor: isIncremental ? ['updated_at'] : null,
          deletes: { mode: 'hard', column: '_ab_cdc_deleted_at' },
          framing,
        })
      }
      const attempts = plans.map(({ attempt }) => attempt)
      expect(attempts).toEqual([...new Set(attempts)].toSorted((a, b) => a - b))
      // The stopped run and the killed run may not have reached this stream.
      expect(plans.length).toBeGreaterThanOrEqual(3)
      const generations = new Set(plans.map(({ generation }) => generation))
      expect(generations.size > 1).toBe(mode.startsWith('overwrite'))
    })

    test.each(modes)(
      'of the mode %s have a plan before, and an end after, all of a sync, in every partition',
      (mode) => {
        const messages = topics[mode] ?? []
        const partitions = Math.max(...messages.map(({ partition }) => partition)) + 1
        for (let partition = 0; partition < partitions; partition++) {
          const own = messages.filter((message) => message.partition === partition)
          let plan: PlanValue | undefined
          let hasEnded = false
          for (const message of own) {
            const type = typeOf(message)
            if (type === 'PLAN') {
              plan = planValue.parse(json(message))
              hasEnded = false
              continue
            }
            if (plan === undefined) throw new Error(`no PLAN before a ${type}`)
            expect(hasEnded, type).toBe(false)
            expect([header(message, 'sync'), header(message, 'attempt')]).toEqual([
              String(plan.sync),
              String(plan.attempt),
            ])
            hasEnded = type === 'SYNC_END'
          }
          expect(hasEnded).toBe(true)
        }
      },
    )

    test.each(modes)(
      'of the mode %s count right: every slice of the plan, and what rejects nothing',
      (mode) => {
        const messages = topics[mode] ?? []
        const ends = messages.filter(
          (message) => message.partition === 0 && typeOf(message) === 'SYNC_END',
        )
        expect(ends.length).toBeGreaterThanOrEqual(3)
        for (const message of ends) {
          const end = syncEndValue.parse(json(message))
          const plan = plansIn(messages).findLast(({ attempt }) => attempt === end.attempt)
          const slicesOf = (slices: readonly { slice: string; partition: number }[]): unknown[] =>
            slices.map(({ slice, partition }) => [slice, partition])
          expect(slicesOf(end.slices)).toEqual(slicesOf(plan?.slices ?? []))
          for (const { slice, partition, records } of end.slices) {
            const last = messages.findLast(
              (some) =>
                some.partition === partition &&
                typeOf(some) === 'END' &&
                header(some, 'sync') === String(end.sync) &&
                header(some, 'slice') === slice,
            )
            expect(header(last ?? message, 'seq'), slice).toBe(String(records))
            expect(header(last ?? message, 'outcome')).toBe('complete')
          }
          const sum = end.slices.reduce((total, { records }) => total + records, 0)
          expect([end.records, header(message, 'records')]).toEqual([sum, String(sum)])
        }
      },
    )

    test('say of each message which version and which sync it is of', () => {
      for (const message of Object.values(topics).flat())
        expect([header(message, 'v'), header(message, 'sync')], typeOf(message)).toEqual([
          '1',
          expect.stringMatching(/^\d+$/),
        ])
    })

    test('say in connect.states what the last plan was, and that it is complete', async () => {
      const states = await readTopic('connect.states')
      for (const mode of modes) {
        const key = JSON.stringify([shop.connection, 'public', mode])
        const last = states.findLast((message) => String(message.key) === key)
        if (last === undefined) throw new Error(`connect.states has no entry ${key}`)
        const { plan, end } = streamStateValue.parse(json(last))
        const messages = topics[mode] ?? []
        expect(plan).toEqual(plansIn(messages).at(-1))
        const ended = messages.findLast((message) => typeOf(message) === 'SYNC_END')
        expect(end).toEqual(ended && json(ended))
      }
    })

    test('are as docs/asyncapi.json describes them', () => {
      const document: unknown = JSON.parse(readFileSync('docs/asyncapi.json', 'utf8'))
      const ajv = new Ajv2020({ strict: false, validateFormats: false })
      ajv.addSchema(document as object, 'document')
      const isValid = (pointer: string): ValidateFunction =>
        ajv.getSchema(`document#/components/messages/${pointer}`) ??
        expect.fail(`no schema of ${pointer}`)
      const types = new Set<string>()
      for (const message of Object.values(topics).flat()) {
        const type = typeOf(message)
        const hasHeaders = isValid(`${type}/headers`)
        expect(hasHeaders(Object.fromEntries(message.headers)), type).toBe(true)
        types.add(type)
        if (type === 'RECORD') continue
        const hasValue = isValid(`${type}/payload`)
        expect(hasValue(json(message)), type).toBe(true)
      }
      expect([...types].toSorted()).toEqual([
        'BEGIN',
        'CLOSE',
        'END',
        'PLAN',
        'RECORD',
        'STATE',
        'SYNC_END',
      ])
    })
  },
)
