import { expect, test } from 'vitest'
import { ConnectError, type ColumnKind } from '../../protocol/index.ts'
import { missingRightFix } from '../../sinks/postgres/missing-right.ts'
import { derivedTable } from '../../sinks/postgres/tables/identifiers.ts'
import { keyIndexName } from '../../sinks/postgres/tables/key-index.ts'
import type { SyncMode } from '../../sinks/sink.ts'
import { bookkeepingBefore } from '../support/old-bookkeeping.ts'
import { testDatabase } from '../support/postgres.ts'
import { begin, sinkStream, sync } from './loading.ts'
import { usually } from '../support/long.ts'

const grantedSchema = 'GRANT CREATE ON SCHEMA public TO'
const ofCheckpoints = (role: string): string =>
  `GRANT USAGE, CREATE ON SCHEMA reactor_connect TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA reactor_connect TO ${role}`

test.each<{
  readonly what: string
  readonly given: (role: string) => string
  readonly reason: RegExp
  readonly columns?: Readonly<Record<string, ColumnKind>>
  readonly mode?: SyncMode
  readonly table?: string
}>(
  usually(3, [
    {
      what: 'checkpoints that another role made',
      given: (role) => `ALTER TABLE things OWNER TO ${role}`,
      reason: /permission denied for schema reactor_connect$/,
    },
    {
      what: 'tables of checkpoints that another role made',
      given: (role) =>
        `ALTER TABLE things OWNER TO ${role}; GRANT USAGE ON SCHEMA reactor_connect TO ${role}`,
      reason: /permission denied for table migrations$/,
    },
    {
      what: 'old checkpoints that another role made',
      given: (role) =>
        `ALTER TABLE things OWNER TO ${role}; ${bookkeepingBefore(6)}; ${ofCheckpoints(role)}`,
      reason: /belong to "\w+", and this version has to alter them$/,
    },
    {
      what: 'the table, of which a column is added',
      given: (role) => `${ofCheckpoints(role)}; GRANT ALL ON things TO ${role}`,
      reason: /must be owner of table things$/,
      columns: { id: 'integer', more: 'string' },
    },
    {
      what: 'the table, whose key gets an index, in a schema with a name that needs quotes',
      given: (role) =>
        `${ofCheckpoints(role)}; GRANT ALL ON "My ""Schema"""."Things" TO ${role}; GRANT ALL ON SCHEMA "My ""Schema""" TO ${role}`,
      reason: /must be owner of table Things$/,
      mode: 'append_dedup',
      table: '"My ""Schema"""."Things"',
    },
    {
      what: 'the table, whose index is dropped',
      given: (role) =>
        `${ofCheckpoints(role)}; GRANT ALL ON things TO ${role}; CREATE UNIQUE INDEX k ON things (id); UPDATE reactor_connect.streams SET key_index = 'k'`,
      reason: /must be owner of index k$/,
    },
    {
      what: 'the schema, with a name that needs quotes',
      given: (role) =>
        `${ofCheckpoints(role)}; ALTER TABLE "My ""Schema"""."Things" OWNER TO ${role}`,
      reason: /permission denied for schema My "Schema"$/,
      mode: 'overwrite',
      table: '"My ""Schema"""."Things"',
    },
    {
      what: 'the rows of the table',
      given: (role) => `${ofCheckpoints(role)}; GRANT SELECT ON things TO ${role}`,
      reason: /permission denied for table things$/,
    },
    {
      what: 'the rows of a table that is called as one of the checkpoints',
      given: ofCheckpoints,
      reason: /permission denied for table streams$/,
      table: '"public"."streams"',
    },
    {
      what: 'a sequence of the table',
      given: (role) =>
        `${ofCheckpoints(role)}; ALTER TABLE things ADD no serial; GRANT ALL ON things TO ${role}`,
      reason: /permission denied for sequence things_no_seq$/,
    },
    {
      what: 'temporary tables',
      given: (role) =>
        `${ofCheckpoints(role)}; ALTER TABLE things OWNER TO ${role}; DO $$BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END$$`,
      reason: /permission denied to create temporary tables in database /,
      mode: 'append_dedup',
    },
  ]),
)('what a role lacks is what the advised statement gives it: $what', async (missing) => {
  await using db = await testDatabase()
  const { columns = { id: 'integer' }, mode = 'append', table = 'things' } = missing
  const [namespace, name] = table.includes('Things')
    ? ['My "Schema"', 'Things']
    : ['public', table.includes('streams') ? 'streams' : 'things']
  const stream = { namespace, name, key: ['id'] }
  await sync(db, sinkStream({ id: 'integer' }, stream), [])
  const role = `"R ${db.address.database}"`
  await db.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
  try {
    await db.query(`${grantedSchema} ${role}; ${missing.given(role)}`)
    const user = `R ${db.address.database}`
    const loader = { ...db, address: { ...db.address, user, password: 'secret' } }
    const run = (): Promise<unknown> =>
      sync(loader, sinkStream(columns, { ...stream, mode }), [{ id: 1 }])
    const error = ConnectError.from(await run().catch((thrown: unknown) => thrown))
    expect(error.details.reason).toMatch(missing.reason)
    expect(error.code).toBe('destination_permission_denied')
    await db.query(/`([^`]+)`/.exec(error.suggestedFix)?.[1] ?? '')
    await run()
    expect(await db.query(`SELECT id FROM ${table}`)).toEqual([{ id: '1' }])
    // The role that made the checkpoints goes on with them.
    await sync(db, sinkStream(columns, { ...stream, mode, connection: 'test' }), [])
  } finally {
    await db.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
  }
})

test('the names that the server gives without a schema are those of the checkpoints', async () => {
  await using db = await testDatabase()
  await begin(db, sinkStream({ id: 'integer' }))
  const tables = await db.query(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'reactor_connect'`,
  )
  for (const { name } of tables) {
    const fix = missingRightFix(`permission denied for table ${String(name)}`, db)
    expect(fix).toContain('ON ALL TABLES IN SCHEMA "reactor_connect"')
  }
  expect(tables).toHaveLength(6)
})

test('what has the name of a stage or of a key index is not taken over from its owner', () => {
  const table = { schema: 'public', table: 'things' }
  const address = {
    host: 'db',
    port: 5432,
    user: 'loader',
    database: 'dw',
    ssl: 'disable',
  } as const
  const place = { address, table }
  const stage = derivedTable(table, 'stage').table
  const index = keyIndexName(table, ['id'])
  for (const reason of [
    `must be owner of table ${stage}`,
    `permission denied for table ${stage}`,
  ]) {
    const fix = missingRightFix(reason, place)
    expect(fix).toContain(`\`DROP TABLE "public"."${stage}"\` as its owner`)
    expect(fix).not.toMatch(/OWNER TO|GRANT/)
  }
  expect(missingRightFix(`must be owner of index ${index}`, place)).toMatch(
    /another one than "public"."things", rename or drop the index/,
  )
  const ofTable = missingRightFix(`must be owner of table ${index}`, place)
  expect(ofTable).toContain(`Rename or drop "public"."${index}"`)
  expect(ofTable).not.toContain('OWNER TO')
  expect(missingRightFix('must be owner of table things', place)).toContain('triggers')
})
