import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { messageProxy, type Changes } from '../support/message-proxy.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { usually } from '../support/long.ts'

/** The tables of the source, each loaded in a mode of its own. */
const modes = {
  appended: { mode: 'append' },
  newer: { mode: 'append_dedup', syncMode: 'incremental', cursor: 'id' },
  replaced: { mode: 'overwrite' },
  dedup: { mode: 'overwrite_dedup' },
  /** A view keeps the table, so its rows are exchanged. */
  viewed: { mode: 'overwrite' },
  emptied: { mode: 'overwrite' },
  added: { mode: 'overwrite' },
} as const
type Name = keyof typeof modes

const rows = 10

async function addTable(db: TestDatabase, name: Name): Promise<void> {
  await db.query(`CREATE TABLE src.${name} (id int PRIMARY KEY)`)
  await db.query(`INSERT INTO src.${name} SELECT n FROM generate_series(1, ${String(rows)}) n`)
}

/**
 * Lets the server end each sync of these tables once, and breaks the connection before anybody hears of it.
 */
function cutsAtEnds(count: number): () => Changes {
  let left = count
  return () => {
    let tags: string[] = []
    return ({ type, payload }) => {
      if (type !== 'C') return undefined
      const tag = payload.toString('latin1').replace('\0', '')
      if (tag === 'BEGIN') tags = []
      tags.push(tag)
      if (tag !== 'COMMIT' || !isEnd(tags) || left === 0) return undefined
      left -= 1
      return 'cut'
    }
  }
}

/** Whether this is the message that `finish` sends. */
function isEnd(tags: readonly string[]): boolean {
  const sent = tags.filter((tag) => tag !== 'SET')
  if (sent.includes('CREATE TABLE') || sent.at(-2) !== 'UPDATE 1') return false
  return sent.includes('DROP TABLE') || sent.filter((tag) => tag === 'SELECT 1').length === 3
}

test.each(usually(1, ['embedded', 'kafka block'] as const))(
  'a sync whose end was committed, and nobody heard of it, is neither read nor counted again: %s log',
  async (log) => {
    await using db = await testDatabase()
    await using proxy = await messageProxy(db.address.port)
    await db.query('CREATE SCHEMA src')
    const names = Object.keys(modes).filter((name): name is Name => name in modes)
    for (const name of names.slice(0, -1)) await addTable(db, name)
    const connection = `lost-${randomUUID().slice(0, 8)}`
    const planOf = (): ReturnType<typeof planRun> =>
      planRun({
        connection,
        source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
        destination: { ...db.address, port: proxy.port },
        schema: 'dest',
        log: logConfig(log),
        mode: 'append',
        ofStream: (name) => modes[name as Name],
      })
    const first = await runPlan(await planOf())
    expect(first.result).toMatchObject({ status: 'complete' })
    await db.query('CREATE VIEW dest.seen AS SELECT id FROM dest.viewed')
    await db.query('DELETE FROM src.emptied')
    await addTable(db, 'added')
    proxy.changes = cutsAtEnds(names.length)
    const { result, metrics } = await runPlan(await planOf())
    expect(metrics.match(/reactor_connect_\w*retries\w*\{[^}]*\} [1-9]/g)).toHaveLength(
      names.length,
    )
    for (const { stream, ...reported } of result.streams) {
      const expected = stream.name === 'emptied' || stream.name === 'newer' ? 0 : rows
      expect({ stream, ...reported }).toMatchObject({
        status: 'complete',
        read: expected,
        readAgain: 0,
        loaded: expected,
        before: { loaded: 0 },
        syncId: stream.name === 'added' ? 1 : 2,
        warnings: stream.name === 'emptied' ? [expect.stringContaining('were deleted: 10')] : [],
      })
    }
    for (const name of names) {
      const [table] = await db.query(`SELECT count(*)::int AS count FROM dest.${name}`)
      const expected = { appended: 2 * rows, emptied: 0 }[name as string] ?? rows
      expect([name, table]).toEqual([name, { count: expected }])
    }
  },
)
