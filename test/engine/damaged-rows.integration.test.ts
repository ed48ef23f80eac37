import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { damaged, nothing, row, tagOf, type CopyDamage } from '../support/damaged-copy.ts'
import { logConfig, planRun, runPlan, type LogName, type PlanOptions } from '../support/engine.ts'
import { messageOf, messageProxy, type MessageProxy } from '../support/message-proxy.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { usually } from '../support/long.ts'

const logs = ['embedded', 'kafka block'] as const satisfies readonly LogName[]

/** Damages only the first COPY: a fault that passes. */
function once(damage: CopyDamage): MessageProxy['changes'] {
  let isOver = false
  return () => {
    const change = damaged(damage)()
    return (message) => {
      if (isOver) return undefined
      const changed = change(message)
      if (message.type === 'C' && message.payload.toString().startsWith('COPY')) isOver = true
      return changed
    }
  }
}

interface Run {
  readonly db: TestDatabase
  readonly proxy: MessageProxy
  readonly log: LogName
  readonly connection: string
  readonly mode?: PlanOptions['mode']
  readonly stateRows?: number
}

async function load({ db, proxy, log, connection, mode = 'overwrite', stateRows }: Run) {
  const { changes } = proxy
  proxy.changes = damaged({})
  const plan = await planRun({
    connection,
    source: {
      type: 'postgres',
      config: {
        ...db.address,
        port: proxy.port,
        schemas: ['public'],
        ...(stateRows !== undefined && { state_rows: stateRows }),
      },
    },
    destination: db.address,
    schema: 'loaded',
    log: logConfig(log),
    mode,
    metadata: 'none',
  })
  proxy.changes = changes
  const started = performance.now()
  const { result } = await runPlan(plan)
  return { stream: result.streams[0], ms: performance.now() - started }
}

async function loaded(db: TestDatabase): Promise<unknown> {
  const [counts] = await db.query(
    `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids, sum(id)::int AS sum FROM loaded.things`,
  )
  return counts
}

const whole = { rows: 1000, ids: 1000, sum: 500_500 }

async function createThings(db: TestDatabase, note = `'note'`): Promise<void> {
  await db.query(
    `CREATE TABLE things (id int PRIMARY KEY, note text);
     INSERT INTO things SELECT n, ${note} FROM generate_series(1, 1000) n`,
  )
}

const faults: readonly (readonly [string, CopyDamage])[] = [
  ['rows are left out', { row: (n) => (n > 500 && n < 600 ? nothing : undefined) }],
  ['the tag has another count', { tag: () => tagOf('COPY 1001') }],
  [
    'ReadyForQuery comes in the middle',
    {
      row: (n, p) =>
        n === 500 ? Buffer.concat([row(p), messageOf('Z', Buffer.from('T'))]) : undefined,
    },
  ],
  [
    'a field has another length',
    {
      row: (n, p) => {
        if (n !== 500) return undefined
        const changed = Buffer.from(p)
        changed.writeInt32BE(5, 2)
        return row(changed)
      },
    },
  ],
]

test.concurrent.each(
  usually(
    1,
    logs.flatMap((log) => faults.map(([name, damage]) => [log, name, damage] as const)),
  ),
)(
  'through the log %s, a stream fails soon if %s, and an overwrite keeps its rows',
  async (log, _, damage) => {
    await using db = await testDatabase()
    await using proxy = await messageProxy(db.address.port)
    await createThings(db)
    const run = { db, proxy, log, connection: randomUUID() }
    expect((await load(run)).stream).toMatchObject({ status: 'complete', loaded: 1000 })
    await db.query('UPDATE things SET id = id + 10000')
    proxy.changes = damaged(damage)
    // The options differ so that no session of the first run is used again: such a session would not be
    // changed.
    const { stream, ms } = await load({ ...run, stateRows: 40_000 })
    expect(stream?.error).toMatchObject({
      code: 'source_rows_damaged',
      details: { stream: 'public.things' },
    })
    // All attempts and their pauses.
    expect(ms).toBeLessThan(25_000)
    expect(await loaded(db)).toEqual(whole)
  },
)

test.each(usually(1, logs))(
  'through the log %s, a fault that passes loses and doubles nothing',
  async (log) => {
    await using db = await testDatabase()
    await using proxy = await messageProxy(db.address.port)
    await createThings(db)
    proxy.changes = once({ row: (n) => (n > 500 ? nothing : undefined) })
    const { stream } = await load({ db, proxy, log, connection: randomUUID(), mode: 'append' })
    expect(stream).toMatchObject({ status: 'complete', loaded: 1000 })
    expect(await loaded(db)).toEqual(whole)
  },
)

test.each(usually(1, logs))(
  'through the log %s, rows that are missing before a checkpoint end the stream until it is reset',
  async (log) => {
    await using db = await testDatabase()
    await using proxy = await messageProxy(db.address.port)
    await createThings(db, `repeat('x', 2000)`)
    proxy.changes = once({ row: (n) => (n === 100 ? nothing : undefined) })
    const run = { db, proxy, log, connection: randomUUID(), mode: 'append', stateRows: 1 } as const
    const error = { code: 'source_state_invalid' }
    expect((await load(run)).stream).toMatchObject({ status: 'failed', error })
    expect((await load(run)).stream).toMatchObject({ status: 'failed', error, loaded: 0 })
  },
)
