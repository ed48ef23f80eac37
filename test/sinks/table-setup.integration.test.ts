import { expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import { testDatabase } from '../support/postgres.ts'
import { sinkStream, sync } from './loading.ts'
import { usually } from '../support/long.ts'

const columns = { id: 'integer', v: 'string' } as const
const modes = ['append', 'append_dedup', 'overwrite', 'overwrite_dedup'] as const

async function failure(work: Promise<unknown>): Promise<ConnectError> {
  const error = ConnectError.from(await work.catch((thrown: unknown) => thrown))
  expect(`${error.message} ${error.suggestedFix}`).not.toMatch(/\{\w+\}/)
  return error
}

test.each(usually(1, modes.slice(1)))(
  'rows of a table that inherits from the loaded one stay, and the advised statement lets it be loaded: %s',
  async (mode) => {
    await using db = await testDatabase()
    const sink = sinkStream(columns, { mode, key: ['id'] })
    await sync(db, sink, [{ id: 1, v: 'a' }])
    await db.query(
      `CREATE TABLE archive () INHERITS (things); INSERT INTO archive (id, v) VALUES (77, 'mine')`,
    )
    const error = await failure(sync(db, sink, [{ id: 1, v: 'b' }]))
    expect(error).toMatchObject({
      code: 'destination_table_inherited',
      retryable: false,
      details: { table: '"public"."things"', heir: 'public.archive' },
    })
    await db.query(/`(ALTER TABLE [^`]+)`/.exec(error.suggestedFix)?.[1] ?? 'none')
    await sync(db, sink, [{ id: 1, v: 'b' }])
    expect(await db.query('SELECT id::int, v FROM things')).toEqual([{ id: 1, v: 'b' }])
    expect(await db.query('SELECT id::int, v FROM archive')).toEqual([{ id: 77, v: 'mine' }])
  },
)

test('a table that others inherit from is appended to', async () => {
  await using db = await testDatabase()
  const sink = sinkStream(columns)
  await sync(db, sink, [{ id: 1, v: 'a' }])
  await db.query(`CREATE TABLE archive () INHERITS (things)`)
  await sync(db, sink, [{ id: 2, v: 'b' }])
  expect(await db.query('SELECT id::int FROM ONLY things ORDER BY id')).toEqual([
    { id: 1 },
    { id: 2 },
  ])
})

test.each(usually(1, modes))(
  'a table whose policies hide rows from the user that loads it is refused before anything is changed: %s',
  async (mode) => {
    await using db = await testDatabase()
    const sink = sinkStream(columns, { mode, key: ['id'] })
    await sync(db, sink, [
      { id: 1, v: 'a' },
      { id: 2, v: 'b' },
    ])
    const user = `r_${db.address.database}`
    await db.query(`CREATE ROLE ${user} LOGIN PASSWORD 'secret'`)
    try {
      await db.query(
        `GRANT CREATE ON SCHEMA public TO ${user}; ALTER TABLE things OWNER TO ${user};
         GRANT USAGE, CREATE ON SCHEMA reactor_connect TO ${user}; GRANT ALL ON ALL TABLES IN SCHEMA reactor_connect TO ${user};
         GRANT ALL ON ALL SEQUENCES IN SCHEMA reactor_connect TO ${user};
         ALTER TABLE things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY p ON things FOR ALL USING (id <> 2) WITH CHECK (true)`,
      )
      const loader = { ...db, address: { ...db.address, user, password: 'secret' } }
      const error = await failure(sync(loader, sink, [{ id: 2, v: 'new' }]))
      expect(error.code).toBe('destination_row_security_enabled')
      expect(await db.query('SELECT id::int, v FROM things ORDER BY id')).toEqual([
        { id: 1, v: 'a' },
        { id: 2, v: 'b' },
      ])
    } finally {
      await db.query(
        `REASSIGN OWNED BY ${user} TO CURRENT_USER; DROP OWNED BY ${user}; DROP ROLE ${user}`,
      )
    }
  },
)
