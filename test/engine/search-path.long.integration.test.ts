import { expect, test } from 'vitest'
import { planRun, runPlan, type PlanOptions } from '../support/engine.ts'
import { loginWithPath, makeHostile } from '../support/hostile-schema.ts'
import { testDatabase } from '../support/postgres.ts'
import { sandboxPlan } from './sandbox/sandbox-run.ts'

const modes = ['append_dedup', 'overwrite_dedup', 'overwrite', 'append'] as const

/** A table for each mode, which has its name. */
const tableOf = (schema: string, mode: string, limited: string): string =>
  `CREATE TABLE ${schema}.${mode} (id varchar${limited}, m public.mood, n int4, big int8, label name, at timestamptz, PRIMARY KEY (id, m))`

const sources = modes.map(
  (mode) => `${tableOf('src', mode, '')};
  INSERT INTO src.${mode} SELECT 'k' || n::text, 'sad', n, n::int8, 'x', now() FROM pg_catalog.generate_series(1, 60) n`,
)

test.each(['"$user", public', 'public, pg_catalog'])(
  'no mode calls anything that another user put into a schema of the search path %s, nor does its sandbox',
  async (path) => {
    await using db = await testDatabase()
    const hostile = await makeHostile(db)
    await using login = await loginWithPath(db, path)
    await db.query(
      `CREATE SCHEMA src; ${sources.join('; ')};
       CREATE SCHEMA dest; ${tableOf('dest', 'append_dedup', '(20)')};
       ALTER TABLE dest.append_dedup ADD CHECK (n > 0 AND label <> 'y'), ADD UNIQUE (label, n), ADD note varchar DEFAULT 'x'::varchar;
       CREATE TABLE dest.other (id varchar, m public.mood, FOREIGN KEY (id, m) REFERENCES dest.append_dedup ON DELETE CASCADE);
       CREATE VIEW dest.v AS SELECT at FROM dest.append_dedup;
       ${tableOf('dest', 'overwrite', '(20)')};
       ALTER TABLE dest.overwrite ADD note varchar DEFAULT 'x'::varchar, ALTER n TYPE int2`,
    )
    expect(await hostile.caught()).toBeNull()
    const options: PlanOptions = {
      connection: 'c',
      destination: login.address,
      schema: 'dest',
      mode: 'append',
      source: { type: 'postgres', config: { ...login.address, schemas: ['src'] } },
      log: { kind: 'embedded' },
      ofStream: (name) => ({
        mode: modes.find((mode) => mode === name) ?? 'append',
        ...(name === 'append_dedup' && { syncMode: 'incremental', cursor: 'n' }),
      }),
    }
    for (const round of [1, 2]) {
      const plan = await planRun(options)
      const { streams } = await sandboxPlan(plan, { limitRows: 200, sampleRows: 5 })
      expect(streams).toHaveLength(modes.length)
      for (const { name, complete, error, warnings } of streams) {
        expect([round, name, complete, error]).toEqual([round, name, true, undefined])
        expect(JSON.stringify(warnings)).not.toContain('could not be tried')
      }
      const { result } = await runPlan(plan)
      expect([round, result.status]).toEqual([round, 'complete'])
      for (const mode of modes) {
        await db.query(
          `UPDATE src.${mode} SET n = 1000 OPERATOR(pg_catalog.+) n, label = 'z' WHERE big OPERATOR(pg_catalog.<=) 2`,
        )
        await db.query(`DELETE FROM src.${mode} WHERE big OPERATOR(pg_catalog.=) 60`)
      }
      expect([round, await hostile.caught()]).toEqual([round, null])
    }
  },
)

test('triggers, deferred ones too, CHECKs and sandboxes find what they name on the search path of the role', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE SCHEMA app; CREATE TABLE app.log (what text); CREATE TABLE app.bounds (most int); INSERT INTO app.bounds VALUES (5);
     CREATE SCHEMA src; CREATE TABLE src.t (id int PRIMARY KEY, n int); INSERT INTO src.t SELECT n, n FROM generate_series(1, 5) n;
     SET search_path = app;
     CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (TG_NAME); RETURN NEW; END';
     CREATE FUNCTION app.most() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT most FROM bounds); END';
     CREATE TABLE app.t (id bigint PRIMARY KEY, n bigint CHECK (n <= most()));
     CREATE TRIGGER now AFTER INSERT OR UPDATE ON app.t FOR EACH ROW EXECUTE FUNCTION note();
     CREATE CONSTRAINT TRIGGER later AFTER INSERT ON app.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
     RESET search_path`,
  )
  await using login = await loginWithPath(db, 'app')
  const plan = await planRun({
    connection: 'c',
    destination: login.address,
    schema: 'app',
    mode: 'append_dedup',
    source: { type: 'postgres', config: { ...login.address, schemas: ['src'] } },
    log: { kind: 'embedded' },
  })
  const sandbox = await sandboxPlan(plan)
  expect(sandbox.streams[0]?.error).toBeUndefined()
  expect(JSON.stringify(sandbox.streams[0]?.warnings)).not.toContain('could not be tried')
  const log = `SELECT what, count(*)::int AS rows FROM app.log GROUP BY what ORDER BY what`
  expect((await runPlan(plan)).result.status).toBe('complete')
  expect(await db.query(log)).toEqual([
    { what: 'later', rows: 5 },
    { what: 'now', rows: 5 },
  ])
  expect((await runPlan(plan)).result.status).toBe('complete')
  expect(await db.query(log)).toEqual([
    { what: 'later', rows: 5 },
    { what: 'now', rows: 10 },
  ])
  await db.query(`INSERT INTO src.t VALUES (6, 6)`)
  expect((await sandboxPlan(plan)).streams[0]).toMatchObject({
    error: { code: 'destination_constraint_violated' },
  })
})
