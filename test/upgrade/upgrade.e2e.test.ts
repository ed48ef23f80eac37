import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  serviceFolder,
  type ServiceFolder,
  type ServiceProcess,
} from '../support/service-process.ts'
import { testDatabase, type Row, type TestDatabase } from '../support/postgres.ts'
import { commitVersion, newerVersion, thisVersion } from './other-version.ts'

/** `npm run test:long -- upgrade` sets it: how many minutes both versions run. */
const minutes = Number(process.env.UPGRADE_MINUTES ?? 0)
/** The version before this one. */
const from = process.env.UPGRADE_FROM ?? 'd8011d16'
const connections = ['one', 'two', 'three', 'four']
const anything = z.unknown()
const readiness = z.object({ status: z.string(), problems: z.array(z.string()) })
type Readiness = z.output<typeof readiness>

async function ready({ url }: ServiceProcess): Promise<Readiness> {
  return readiness.parse(await (await fetch(`${url}/readyz`)).json())
}

/**
 * Two versions of one service, on one PostgreSQL, with connections that run every minute while their source
 * grows.
 */
class Upgrade implements AsyncDisposable {
  readonly metadata: TestDatabase
  readonly #source: TestDatabase
  readonly #data: TestDatabase
  readonly #folder: ServiceFolder
  readonly #parts: AsyncDisposableStack
  #rows = 0

  private constructor(
    [metadata, source, data]: readonly [TestDatabase, TestDatabase, TestDatabase],
    folder: ServiceFolder,
    parts: AsyncDisposableStack,
  ) {
    this.metadata = metadata
    this.#source = source
    this.#data = data
    this.#folder = folder
    this.#parts = parts
  }

  static async open(): Promise<Upgrade> {
    await using parts = new AsyncDisposableStack()
    const database = async (): Promise<TestDatabase> => parts.use(await testDatabase())
    const databases = [await database(), await database(), await database()] as const
    const folder = parts.use(await serviceFolder())
    const upgrade = new Upgrade(databases, folder, parts.move())
    await upgrade.#makeTables()
    return upgrade
  }

  start(program: string): Promise<ServiceProcess> {
    return this.#folder.start({
      program,
      environment: {
        REACTOR_CONNECT_DATABASE_URL: this.metadata.url,
        REACTOR_CONNECT_DATA_DATABASE_URL: this.#data.url,
        REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32',
        REACTOR_CONNECT_PARALLEL_RUNS: '2',
      },
    })
  }

  /** Connections that have run once, so that the destination is the old version's. */
  async connect(service: ServiceProcess): Promise<void> {
    const { password, ...config } = this.#source.address
    await service.ask(anything, '/instances', { body: { name: 'db', type: 'postgres', config } })
    await service.ask(anything, '/instances/db/credentials', { body: { password } })
    for (const name of connections)
      await service.ask(anything, '/connections', {
        body: {
          ...{ name, from: 'db', destination: `data:${name}`, activate: true },
          schedule: { cron: '* * * * *' },
          streams: [
            {
              ...{ name, sync_mode: 'incremental', destination_sync_mode: 'append' },
              cursor_field: 'id',
            },
          ],
        },
      })
    for (const name of connections) await this.runToEnd(service, name)
  }

  /** Starts a run, once none is active, and waits for its end. */
  async runToEnd(service: ServiceProcess, connection: string): Promise<void> {
    const giveUpAt = Date.now() + 120_000
    for (;;) {
      const path = `/connections/${connection}/runs`
      if (
        await service.ask(anything, path, { method: 'POST' }).then(
          () => true,
          () => false,
        )
      )
        break
      if (Date.now() > giveUpAt) throw new Error(`no run of ${connection} starts`)
      await sleep(500)
    }
    await expect.poll(() => this.active(connection), { timeout: 120_000, interval: 500 }).toBe(0)
  }

  async active(connection: string): Promise<number> {
    const [row] = await this.metadata.query(
      `SELECT count(*)::int AS active FROM reactor_connect_service.runs AS run
       JOIN reactor_connect_service.connections AS connection ON connection.id = connection_id
       WHERE run.status IN ('queued', 'running') AND connection.name = $1`,
      [connection],
    )
    return Number(row?.active)
  }

  /** Lets the source grow for so long. */
  async grow(ms: number): Promise<void> {
    const endAt = Date.now() + ms
    while (Date.now() < endAt) {
      await this.#insert(20)
      await sleep(1_000)
    }
  }

  /** Runs with their ends, by status and error. */
  async ends(): Promise<readonly Row[]> {
    return this.metadata.query(
      `SELECT status, error ->> 'code' AS error, count(*)::int AS runs, max(attempts) AS attempts
       FROM reactor_connect_service.runs WHERE error IS NULL OR status NOT IN ('queued', 'running')
       GROUP BY 1, 2 ORDER BY 1, 2`,
    )
  }

  /** Minutes without a run of a connection, although none of it was active at their beginning. */
  async lostMinutes(): Promise<readonly Row[]> {
    return this.metadata.query(
      `WITH first AS (
         SELECT connection_id, date_trunc('minute', min(created_at)) + interval '1 minute' AS start
         FROM reactor_connect_service.runs WHERE trigger = 'schedule' GROUP BY 1
       )
       SELECT connection_id, due.minute FROM first,
         generate_series(first.start, now() - interval '30 s', interval '1 minute') AS due (minute)
       WHERE NOT EXISTS (
         SELECT FROM reactor_connect_service.runs AS run
         WHERE run.connection_id = first.connection_id
           AND (run.trigger = 'schedule' AND run.created_at >= minute
               AND run.created_at < minute + interval '1 minute'
             OR run.created_at < minute AND coalesce(run.ended_at, 'infinity') > minute))`,
    )
  }

  /** Each row of the source is at each destination once. */
  async expectRowsOnce(service: ServiceProcess): Promise<void> {
    for (const name of connections) {
      await this.runToEnd(service, name)
      const [found] = await this.#data.query(
        `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM ${name}.${name}`,
      )
      expect(found, name).toEqual({ rows: this.#rows, ids: this.#rows })
    }
  }

  async pause(service: ServiceProcess): Promise<void> {
    for (const name of connections)
      await service.ask(anything, `/connections/${name}/pause`, { method: 'POST' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync()
  }

  async #makeTables(): Promise<void> {
    for (const name of connections)
      await this.#source.query(`CREATE TABLE ${name} (id int PRIMARY KEY, text text)`)
    await this.#insert(1_000)
  }

  async #insert(count: number): Promise<void> {
    for (const name of connections)
      await this.#source.query(
        `INSERT INTO ${name} SELECT id, repeat('x', 50) FROM generate_series($1::int, $2) AS id`,
        [this.#rows + 1, this.#rows + count],
      )
    this.#rows += count
  }
}

const drains =
  /"level":"?(?:40|warn)"?[^\n]*has migrated the metadata database: this process drains/g

describe.skipIf(minutes === 0)('two versions of a service on one database', () => {
  const timeout = minutes * 60_000 + 600_000

  test(
    'this version and a newer one: the older process drains, no run fails, no time of a schedule and no row is lost',
    { timeout },
    async () => {
      await using upgrade = await Upgrade.open()
      const older = await upgrade.start(thisVersion)
      await upgrade.connect(older)
      const newer = await upgrade.start(await newerVersion(['metadata', 'destination']))
      await expect
        .poll(() => ready(older), { timeout: 10_000 })
        .toMatchObject({ status: 'not_ready' })
      expect((await ready(older)).problems).toEqual([expect.stringContaining('newer version')])
      expect((await ready(newer)).status).toBe('ready')
      await expect.poll(() => older.output(), { timeout: 30_000 }).toContain('has drained')
      await upgrade.grow(minutes * 60_000)
      expect(older.output().match(drains)).toHaveLength(1)
      expect(await upgrade.lostMinutes()).toEqual([])
      // Requests that still reach the older process are served.
      await upgrade.runToEnd(older, 'one')
      expect(await older.stop()).toBe(0)
      await upgrade.pause(newer)
      await upgrade.expectRowsOnce(newer)
      const ends = await upgrade.ends()
      process.stdout.write(`this version and a newer one: ${JSON.stringify(ends)}\n`)
      expect(ends.map(({ status }) => status)).toEqual(['complete'])
    },
  )

  test(
    'this version and a newer one that migrates destinations only: the older process leaves it their runs',
    { timeout },
    async () => {
      await using upgrade = await Upgrade.open()
      const older = await upgrade.start(thisVersion)
      await upgrade.connect(older)
      const newer = await upgrade.start(await newerVersion(['destination']))
      await upgrade.grow(minutes * 60_000)
      expect((await ready(older)).status).toBe('ready')
      expect(await upgrade.lostMinutes()).toEqual([])
      expect(await older.stop()).toBe(0)
      await upgrade.pause(newer)
      await upgrade.expectRowsOnce(newer)
      const ends = await upgrade.ends()
      const left = older.output().split('the run is left to a process of that version').length - 1
      process.stdout.write(
        `this version and a newer one for destinations: ${JSON.stringify(ends)}, left ${String(left)} times\n`,
      )
      expect(ends.map(({ status }) => status)).toEqual(['complete'])
    },
  )

  test(
    `${from} and this version: what the older process does is shown, and no row is lost`,
    { timeout },
    async () => {
      await using upgrade = await Upgrade.open()
      const older = await upgrade.start(await commitVersion(from))
      await upgrade.connect(older)
      const newer = await upgrade.start(thisVersion)
      expect((await ready(newer)).status).toBe('ready')
      await upgrade.grow(minutes * 60_000)
      const [lost, both] = [await upgrade.lostMinutes(), await upgrade.ends()]
      const { status } = await ready(older)
      expect(await older.stop()).toBe(0)
      await upgrade.pause(newer)
      await upgrade.expectRowsOnce(newer)
      process.stdout.write(
        `${from} and this version: the older one is ${status}, ${String(lost.length)} lost minutes, runs ${JSON.stringify(both)}\n`,
      )
      // It fails runs into destinations that this version has migrated, if there is such a migration, and no
      // others.
      for (const { status: end, error } of both)
        expect([end, error]).toEqual(
          end === 'failed' ? ['failed', 'destination_bookkeeping_newer'] : ['complete', null],
        )
    },
  )
})
