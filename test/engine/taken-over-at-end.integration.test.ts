import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { testDatabase } from '../support/postgres.ts'

test('a run that another one takes over after its last stream is complete counts nothing: the other one tells all of it', async () => {
  await using db = await testDatabase()
  await db.query(
    'CREATE SCHEMA src; CREATE TABLE src.a (id int PRIMARY KEY); INSERT INTO src.a SELECT generate_series(1, 7)',
  )
  const plan = await planRun({
    connection: `taken-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
    destination: db.address,
    schema: 'dest',
    log: logConfig('embedded'),
    mode: 'append',
    syncMode: 'incremental',
    cursor: 'id',
  })
  await runPlan(plan)
  // As a newer start, in the transaction that completes the stream.
  await db.query(`
    INSERT INTO src.a SELECT generate_series(8, 20);
    CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
      IF NEW.complete THEN UPDATE reactor_connect.runs SET start = start + 1, started_by = 'another process'; END IF;
      RETURN NULL; END$$;
    CREATE TRIGGER take AFTER UPDATE OF complete ON reactor_connect.streams FOR EACH ROW EXECUTE FUNCTION take()`)
  const { result: older } = await runPlan(plan)
  await db.query('DROP TRIGGER take ON reactor_connect.streams')
  expect(older.streams).toMatchObject([
    {
      status: 'complete',
      loaded: 0,
      before: { loaded: 0 },
      warnings: [expect.stringMatching(/^A newer run took the connection over\. .*: 13 loaded\.$/)],
    },
  ])
  const { result: newer } = await runPlan(plan)
  expect(newer.streams).toMatchObject([{ status: 'complete', loaded: 0, before: { loaded: 13 } }])
})
