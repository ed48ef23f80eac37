import { expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import { testDatabase } from '../support/postgres.ts'
import { sinkStream, sync } from './loading.ts'
import { usually } from '../support/long.ts'

const columns = { id: 'integer', v: 'string' } as const

async function failure(work: Promise<unknown>): Promise<ConnectError> {
  const error = ConnectError.from(await work.catch((thrown: unknown) => thrown))
  expect(`${error.message} ${error.suggestedFix}`).not.toMatch(/\{\w+\}/)
  return error
}

test.each(usually(1, ['append_dedup', 'overwrite', 'overwrite_dedup'] as const))(
  'a table in a publication whose rows have no identity is named, and the advised statement mends it: %s',
  async (mode) => {
    await using db = await testDatabase()
    const sink = sinkStream(columns, { mode, key: ['id'] })
    await sync(db, sink, [{ id: 1, v: 'a' }])
    await db.query('CREATE PUBLICATION p FOR TABLE things')
    const error = await failure(sync(db, sink, [{ id: 1, v: 'b' }]))
    expect(error).toMatchObject({
      code: 'destination_replica_identity_missing',
      retryable: false,
      details: { object: '"public"."things"' },
    })
    await db.query(/`(ALTER TABLE [^`]+)`/.exec(error.suggestedFix)?.[1] ?? 'none')
    await sync(db, sink, [{ id: 1, v: 'b' }])
    expect(await db.query('SELECT id::int, v FROM things')).toEqual([{ id: 1, v: 'b' }])
  },
)

test.each(usually(1, ['append_dedup', 'overwrite_dedup'] as const))(
  'where all tables are published, the table is made and named, and not its stage: %s',
  async (mode) => {
    await using db = await testDatabase()
    const sink = sinkStream(columns, { mode, key: ['id'] })
    await db.query('CREATE PUBLICATION p FOR ALL TABLES')
    const records = [
      { id: 1, v: 'a' },
      { id: 1, v: 'b' },
    ]
    // From a table without rows, an overwrite deletes none.
    if (mode === 'overwrite_dedup') await sync(db, sink, records)
    const error = await failure(sync(db, sink, records))
    expect(error).toMatchObject({
      code: 'destination_replica_identity_missing',
      details: { object: '"public"."things"' },
    })
    await db.query(/`(ALTER TABLE [^`]+)`/.exec(error.suggestedFix)?.[1] ?? 'none')
    await sync(db, sink, records)
    expect(await db.query('SELECT id::int, v FROM things')).toEqual([{ id: 1, v: 'b' }])
  },
)

test('row-level security that a COPY cannot pass is named, and each advised statement mends it', async () => {
  await using db = await testDatabase()
  const sink = sinkStream(columns)
  await sync(db, sink, [])
  const user = `R ${db.address.database}`
  const role = `"${user}"`
  await db.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
  try {
    await db.query(
      `GRANT CREATE ON SCHEMA public TO ${role}; ALTER TABLE things OWNER TO ${role};
       GRANT USAGE, CREATE ON SCHEMA reactor_connect TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA reactor_connect TO ${role};
       CREATE POLICY mine ON things USING (true)`,
    )
    const loader = { ...db, address: { ...db.address, user, password: 'secret' } }
    const fixes = ['ALTER ROLE', 'ALTER TABLE .* NO FORCE', 'ALTER TABLE .* DISABLE']
    for (const [index, fix] of fixes.entries()) {
      await db.query(
        `ALTER ROLE ${role} NOBYPASSRLS; ALTER TABLE things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
      )
      const error = await failure(sync(loader, sink, [{ id: index }]))
      expect(error).toMatchObject({
        code: 'destination_row_security_enabled',
        retryable: false,
        message: expect.stringContaining(`${user} on "public"."things"`) as unknown,
      })
      const statements = [...error.suggestedFix.matchAll(/`([^`]+)`/g)].map(([, sql]) => sql)
      await db.query(statements.find((sql) => new RegExp(fix).test(sql ?? '')) ?? 'none')
      await sync(loader, sink, [{ id: index }])
    }
    expect(await db.query('SELECT id::int FROM things ORDER BY id')).toEqual(
      fixes.map((_, id) => ({ id })),
    )
  } finally {
    await db.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
  }
})
