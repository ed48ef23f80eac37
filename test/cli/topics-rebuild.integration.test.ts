import { randomUUID } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { topicName } from '../../engine/log/kafka/topic-names.ts'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { runFile } from '../support/run-file.ts'
import { reactor } from './service-command-line.ts'

/** A run file for its brokers and its database. */
function placesOf(connection: string, db: TestDatabase): ReturnType<typeof runFile> {
  return runFile({
    connection,
    source: { type: 'faker', config: { streams: [{ name: 'any', rows: 1 }] } },
    destination: { type: 'postgres', config: { ...db.address } },
    log: { kafka: { brokers: inject('kafkaBrokers') } },
  })
}

test('rebuild --table makes what the destination has: columns that are gone, wider types, digits, times', async () => {
  await using db = await testDatabase()
  const connection = `copy-${randomUUID().slice(0, 8)}`
  await db.query(
    `CREATE SCHEMA src; CREATE SCHEMA copies;
     CREATE TABLE src.orders (id numeric PRIMARY KEY, version bigint, amount numeric, doc jsonb, small int, day date, gone text);
     INSERT INTO src.orders VALUES (1.0, 0, 1.000, '{"a":[1.50,2e3]}', 7, '2024-02-29', 'kept'), (2, 1, 0.10, '1.0', 8, '2024-03-01', 'kept too'),
       (3, 0, 12345678901234567890.120, '"1.0"', NULL, 'infinity', NULL)`,
  )
  const plan = (): ReturnType<typeof planRun> =>
    planRun({
      connection,
      source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
      destination: db.address,
      schema: 'dest',
      log: logConfig('kafka block'),
      mode: 'append',
      ofStream: () => ({ mode: 'append_dedup', syncMode: 'incremental', cursor: 'version' }),
    })
  const run = async (): Promise<void> => {
    const { result } = await runPlan(await plan())
    expect(result.status).toBe('complete')
  }
  await run()
  // Rows 1 and 3 are below the cursor: they are not read again.
  await db.query(
    `ALTER TABLE src.orders DROP COLUMN gone, ALTER COLUMN small TYPE text, ALTER COLUMN day TYPE timestamp, ADD COLUMN added boolean;
     UPDATE src.orders SET version = 2, small = 'eight', amount = 2.50 WHERE id = 2;
     INSERT INTO src.orders VALUES (4, 2, -7.0, '[]', 'nine', '2024-02-29 12:00', true)`,
  )
  await run()
  await using file = await placesOf(connection, db)
  const topic = topicName(connection, { namespace: 'src', name: 'orders' })
  const argv = ['connect', 'topics', 'rebuild', topic, '--run-file', file.path]
  const { err } = await reactor([...argv, '--table', 'copies.orders'], { environment: {} })
  expect(err).toBe('4 rows are in copies.orders\n')
  const rowsOf = (table: string): Promise<Record<string, unknown>[]> =>
    db.query(
      `SELECT id::text, version::text, amount::text, doc::text, small, day::text, gone, added, _airbyte_extracted_at::text FROM ${table} ORDER BY id`,
    )
  const copied = await rowsOf('copies.orders')
  expect(copied).toEqual(await rowsOf('dest.orders'))
  expect(copied[1]).toMatchObject({ amount: '2.50', small: 'eight', gone: 'kept too' })

  const { out } = await reactor(argv, { environment: {} })
  expect(out).toContain('"amount":1.000,"doc":{"a":[1.50,2000]},"small":7')
  expect(out).toContain('"amount":12345678901234567890.120')
  const tail = await reactor(['connect', 'topics', 'tail', topic, '--run-file', file.path], {
    environment: {},
  })
  expect(tail.out).toContain('"amount":1.000')
})

test('rebuild --table tells of values that a column cannot hold', async () => {
  await using db = await testDatabase()
  const connection = `copy-${randomUUID().slice(0, 8)}`
  await db.query(
    `CREATE SCHEMA src; CREATE SCHEMA copies; CREATE TABLE src.orders (id bigint PRIMARY KEY, note text);
     INSERT INTO src.orders VALUES (1, 'short'), (2, 'not a number');
     CREATE TYPE copies.kind AS ENUM ('short'); CREATE TABLE copies.orders (id bigint, note copies.kind)`,
  )
  const { result } = await runPlan(
    await planRun({
      connection,
      source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
      destination: db.address,
      schema: 'dest',
      log: logConfig('kafka record'),
      mode: 'append',
    }),
  )
  expect(result.status).toBe('complete')
  await using file = await placesOf(connection, db)
  const topic = topicName(connection, { namespace: 'src', name: 'orders' })
  const argv = ['connect', 'topics', 'rebuild', topic, '--run-file', file.path]
  const { err } = await reactor([...argv, '--table', 'copies.orders'], { environment: {} })
  expect(err).toBe(
    '2 rows are in copies.orders\nwarning: copies.orders: 1 value did not fit the column: NULL instead\n',
  )
})
