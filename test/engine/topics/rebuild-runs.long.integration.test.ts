import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { topicName } from '../../../engine/log/kafka/topic-names.ts'
import { stringifyExact, type RecordValue } from '../../../protocol/index.ts'
import { logConfig, planRun, runPlan } from '../../support/engine.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { readTopic, type ReadMessage } from '../../support/read-topic.ts'
import { rebuildWhole } from './rebuild-whole.ts'
import {} from '../../support/long.ts'
import { longTest } from '../../support/long.ts'

/**
 * The reference reader beside real runs over what the topics outlive: soft deletes, and a destination that
 * was dropped or restored.
 */
const rows = 120
/** Both in the long form (`npm run test:long -- rebuild`). */
const framings =
  process.env.REBUILD === undefined ? (['block'] as const) : (['block', 'record'] as const)
const tables = ['append', 'hard', 'soft', 'overwrite', 'overwrite_dedup'] as const
type Table = (typeof tables)[number]
const isIncremental = (table: Table): boolean => !table.startsWith('overwrite')
const columns = ['id', 'version', 'body', '_ab_cdc_deleted_at'] as const
const bookkeeping = ['runs', 'streams', 'slices', 'positions', 'rejected_records']

class Shop implements AsyncDisposable {
  readonly #db: TestDatabase
  readonly #connection = `rebuild-${randomUUID().slice(0, 8)}`
  readonly #framing: 'block' | 'record'

  private constructor(db: TestDatabase, framing: 'block' | 'record') {
    this.#db = db
    this.#framing = framing
  }

  static async open(framing: 'block' | 'record'): Promise<Shop> {
    const db = await testDatabase()
    for (const table of tables)
      await db.query(
        `CREATE TABLE "${table}" (id bigint PRIMARY KEY, version int, body text, updated_at timestamptz, _ab_cdc_deleted_at timestamptz);
         INSERT INTO "${table}" SELECT n, 0, 'row ' || n, clock_timestamp(), NULL FROM generate_series(1, ${String(rows)}) n; ANALYZE "${table}"`,
      )
    return new Shop(db, framing)
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.#db.query(sql)
  }

  /**
   * Adds versions, new rows, deleted rows (for which the source sends only the key), and a row that is back.
   */
  async change(): Promise<void> {
    for (const table of tables)
      await this.query(
        `UPDATE "${table}" SET _ab_cdc_deleted_at = NULL, body = 'back', version = version + 1, updated_at = clock_timestamp()
          WHERE id = (SELECT min(id) FROM "${table}" WHERE _ab_cdc_deleted_at IS NOT NULL);
         UPDATE "${table}" SET version = version + 1, updated_at = clock_timestamp() WHERE id % 3 = 0 AND _ab_cdc_deleted_at IS NULL;
         UPDATE "${table}" SET _ab_cdc_deleted_at = clock_timestamp(), body = NULL, version = NULL, updated_at = clock_timestamp()
          WHERE id IN (SELECT id FROM "${table}" WHERE _ab_cdc_deleted_at IS NULL ORDER BY id LIMIT 8);
         INSERT INTO "${table}" SELECT (SELECT max(id) FROM "${table}") + n, 0, 'new', clock_timestamp() FROM generate_series(1, 10) n`,
      )
    for (const table of ['overwrite', 'overwrite_dedup'])
      await this.query(`DELETE FROM ${table} WHERE id % 7 = 3`)
  }

  async run(): Promise<void> {
    const plan = await planRun({
      connection: this.#connection,
      source: {
        type: 'postgres',
        config: { ...this.#db.address, schemas: ['public'], range_rows: 50, state_rows: 20 },
      },
      destination: this.#db.address,
      schema: 'copy',
      log: logConfig(`kafka ${this.#framing}`),
      mode: 'append',
      streams: tables,
      ofStream: (name) => ({
        mode: name === 'hard' || name === 'soft' ? 'append_dedup' : (name as 'append'),
        ...(isIncremental(name as Table) && { syncMode: 'incremental', cursor: 'updated_at' }),
      }),
      limits: { partitionsPerStream: 2 },
    })
    const streams = plan.streams.map((sink) => ({
      ...sink,
      deletes: sink.stream.stream.name === 'soft' ? ('soft' as const) : ('hard' as const),
    }))
    const { result } = await runPlan({ ...plan, streams })
    expect(result.streams.map(({ status, error }) => error ?? status)).toEqual(
      tables.map(() => 'complete'),
    )
  }

  async backUp(): Promise<void> {
    await this.query('CREATE SCHEMA backup')
    for (const table of bookkeeping)
      await this.query(`CREATE TABLE backup.${table} AS TABLE reactor_connect.${table}`)
    for (const table of tables)
      await this.query(`CREATE TABLE backup."t_${table}" AS TABLE copy."${table}"`)
  }

  async restore(): Promise<void> {
    await this.query('DELETE FROM reactor_connect.streams; DELETE FROM reactor_connect.runs')
    for (const table of bookkeeping)
      await this.query(
        `INSERT INTO reactor_connect.${table} OVERRIDING SYSTEM VALUE SELECT * FROM backup.${table}`,
      )
    for (const table of tables)
      await this.query(
        `DELETE FROM copy."${table}"; INSERT INTO copy."${table}" SELECT * FROM backup."t_${table}"`,
      )
  }

  /** Whichever partition comes first. */
  async expectSame(): Promise<void> {
    const list = columns.map((name) => `${name}::text`).join(', ')
    for (const table of tables) {
      const loaded = await this.query(`SELECT ${list} FROM copy."${table}"`)
      const expected = loaded.map((row) => textOf(columns.map((name) => momentOf(row[name]))))
      expect(expected.length, table).toBeGreaterThan(0)
      const name = topicName(this.#connection, { namespace: 'public', name: table })
      const messages = await readTopic(name)
      for (const ordered of ordersOf(messages)) {
        const rebuild = rebuildWhole(name, ordered)
        const rebuilt = rebuild
          .rows()
          .map((row) => textOf(columns.map((column) => momentOf(plain(row[column] ?? null)))))
        expect(rebuilt.toSorted(), table).toEqual(expected.toSorted())
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#db[Symbol.asyncDispose]()
  }
}

const textOf = (values: unknown): string => JSON.stringify(values)

function plain(value: RecordValue): string | null {
  if (value === null) return null
  return typeof value === 'string' ? value : stringifyExact(value)
}

/** A moment in milliseconds, regardless of the writer; other texts as they are. */
function momentOf(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d[ T]/.test(value)) return value
  return new Date(value.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).toISOString()
}

function ordersOf(messages: readonly ReadMessage[]): readonly (readonly ReadMessage[])[] {
  const byPartition = [...Map.groupBy(messages, ({ partition }) => partition).values()]
  return [byPartition.flat(), byPartition.toReversed().flat()]
}

describe.concurrent.each(framings)(
  'what the topics tell in the framing %s is what the tables have',
  { timeout: 180_000 },
  (framing) => {
    test('after deletes, soft and hard, and rows that come back', async () => {
      await using shop = await Shop.open(framing)
      for (let round = 0; round < 4; round++) {
        await shop.run()
        await shop.expectSame()
        await shop.change()
      }
      const [soft] = await shop.query(
        `SELECT count(*)::int AS rows FROM copy.soft WHERE _ab_cdc_deleted_at IS NOT NULL AND body IS NOT NULL`,
      )
      expect(soft?.rows).toBeGreaterThan(0)
    })

    longTest('after the destination was dropped', async () => {
      await using shop = await Shop.open(framing)
      await shop.run()
      await shop.change()
      await shop.run()
      await shop.query('DROP SCHEMA copy CASCADE; DROP SCHEMA reactor_connect CASCADE')
      for (let round = 0; round < 3; round++) {
        await shop.change()
        await shop.run()
        await shop.expectSame()
      }
    })

    test('after the destination was restored from a backup', async () => {
      await using shop = await Shop.open(framing)
      await shop.run()
      await shop.backUp()
      for (let round = 0; round < 2; round++) {
        await shop.change()
        await shop.run()
      }
      await shop.restore()
      for (let round = 0; round < 4; round++) {
        await shop.change()
        await shop.run()
        await shop.expectSame()
      }
    })
  },
)
