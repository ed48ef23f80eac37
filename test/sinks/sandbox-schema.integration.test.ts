import { expect, test } from 'vitest'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import { prepareSandbox } from '../../sinks/postgres/sandbox/prepare-sandbox.ts'
import { dropSandboxSchema } from '../../sinks/postgres/sandbox/sandbox-schema.ts'
import { testDatabase } from '../support/postgres.ts'
import { sinkStream } from './loading.ts'

test('a sandbox whose schema was dropped fails, and does not make it anew', async () => {
  await using db = await testDatabase()
  const stream = sinkStream({ id: 'integer' }, { mode: 'append_dedup', key: ['id'] })
  const about = { id: 'sbx_1', connection: 'test', createdAtMs: 0, expiresAtMs: 1 }
  const { place, schema } = await prepareSandbox({ address: db.address }, about, [stream])
  await using destination = await openPostgresDestination(place)
  const run = await destination.startRun('sbx_1')
  await dropSandboxSchema(place, 'sbx_1')

  await expect(destination.startRun('sbx_1')).rejects.toMatchObject({
    code: 'destination_query_failed',
    details: { object: `schema ${schema}`, reason: expect.stringContaining(schema) as unknown },
  })
  await expect(destination.begin({ ...stream, connection: 'sbx_1' }, run)).rejects.toThrow(schema)
  const schemas = await db.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'reactor%'`)
  expect(schemas).toEqual([])
})

test('nobody else may look into a sandbox, also if default privileges open all schemas and tables', async () => {
  await using db = await testDatabase()
  await db.query(`ALTER DEFAULT PRIVILEGES GRANT USAGE, CREATE ON SCHEMAS TO PUBLIC, pg_monitor;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC`)
  const stream = sinkStream({ id: 'integer' }, { mode: 'append_dedup', key: ['id'] })
  const about = { id: 'sbx_1', connection: 'test', createdAtMs: 0, expiresAtMs: 1 }
  const { schema } = await prepareSandbox({ address: db.address }, about, [stream])
  await db.query('CREATE SCHEMA other')
  const rights = await db.query(
    `SELECT nspname AS schema, has_schema_privilege('pg_monitor', oid, 'USAGE') AS usage, has_schema_privilege('pg_monitor', oid, 'CREATE') AS create
       FROM pg_namespace WHERE nspname IN ($1, 'other') ORDER BY nspname`,
    [schema],
  )
  expect(rights).toEqual([
    { schema: 'other', usage: true, create: true },
    { schema, usage: false, create: false },
  ])
})
