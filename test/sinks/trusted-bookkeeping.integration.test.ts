import { expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import { prepareSandbox } from '../../sinks/postgres/sandbox/prepare-sandbox.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { begin, load, sinkStream, sync } from './loading.ts'
import { usually } from '../support/long.ts'

const things = sinkStream({ id: 'integer' })
const row = [{ id: 1 }]

interface Roles extends AsyncDisposable {
  /** Quoted. */
  readonly loader: string
  readonly other: string
  /** The database, as these roles. */
  readonly asLoader: TestDatabase
  readonly asOther: TestDatabase
}

/** Two roles that may make schemas in the database, and have nothing else in common. */
async function twoRoles(db: TestDatabase): Promise<Roles> {
  const { database } = db.address
  const [loader, other] = [`Loader ${database}`, `Other ${database}`]
  const as = (user: string): TestDatabase => ({
    ...db,
    address: { ...db.address, user, password: 'secret' },
  })
  for (const role of [loader, other]) {
    await db.query(`CREATE ROLE "${role}" LOGIN PASSWORD 'secret'`)
    await db.query(`GRANT CREATE ON DATABASE ${database} TO "${role}"`)
    await db.query(`GRANT CREATE ON SCHEMA public TO "${role}"`)
  }
  return {
    loader: `"${loader}"`,
    other: `"${other}"`,
    asLoader: as(loader),
    asOther: as(other),
    [Symbol.asyncDispose]: async () => {
      await db.query(`DROP OWNED BY "${loader}", "${other}" CASCADE`)
      await db.query(`DROP ROLE "${loader}", "${other}"`)
    },
  }
}

async function refusal(work: () => Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(await work().catch((thrown: unknown) => thrown))
}

const inSchema = 'SCHEMA reactor_connect'

/** All rights that a role may give away on the objects that it made. */
function grants(role: string): string {
  return `GRANT ALL ON ${inSchema} TO ${role}; GRANT ALL ON ALL TABLES IN ${inSchema} TO ${role}; GRANT ALL ON ALL SEQUENCES IN ${inSchema} TO ${role}`
}

test('checkpoints that a role made which the user does not trust are refused before its triggers run, until their rights are the same', async () => {
  await using db = await testDatabase()
  await using roles = await twoRoles(db)
  const { loader, other } = roles
  await sync(roles.asOther, sinkStream({ id: 'integer' }, { name: 'others' }), [])
  await db.query(`CREATE TABLE seen (who text); GRANT INSERT ON seen TO PUBLIC;
    CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.seen VALUES (current_user); RETURN new; END$$;
    ALTER FUNCTION spy() OWNER TO ${other};
    CREATE TRIGGER spy BEFORE INSERT ON reactor_connect.runs FOR EACH ROW EXECUTE FUNCTION spy();
    ${grants(loader)}`)
  const run = (): Promise<unknown> => sync(roles.asLoader, { ...things, connection: 'loader' }, row)
  const error = await refusal(run)
  expect(error.code).toBe('destination_bookkeeping_untrusted')
  expect(error.message).toContain(`schema reactor_connect: it belongs to ${other.slice(1, -1)}`)
  expect(await db.query('SELECT * FROM seen')).toEqual([])
  const sandbox = { id: 'sbx_1', connection: 'loader', createdAtMs: 0, expiresAtMs: 1 }
  const sandboxed = await refusal(() => prepareSandbox(roles.asLoader, sandbox, [things]))
  expect(sandboxed.code).toBe('destination_bookkeeping_untrusted')

  await db.query(/`(GRANT [^`]+)`/.exec(error.suggestedFix)?.[1] ?? '')
  await run()
  expect(await db.query('SELECT id::int FROM things')).toEqual(row)
})

test('a superuser trusts no checkpoints of another role, unless it was granted to it', async () => {
  await using db = await testDatabase()
  await using roles = await twoRoles(db)
  await db.query(`CREATE ${inSchema} AUTHORIZATION ${roles.other}`)
  const error = await refusal(() => sync(db, things, row))
  expect(error.code).toBe('destination_bookkeeping_untrusted')
  await db.query(/`(GRANT [^`]+)`/.exec(error.suggestedFix)?.[1] ?? '')
  await sync(db, things, row)
})

test.each(usually(1, ['SUPERUSER', 'owner of the database', 'pg_database_owner']))(
  'checkpoints of these are trusted, if the rights on them were granted: %s',
  async (owner) => {
    await using db = await testDatabase()
    await using roles = await twoRoles(db)
    const { loader, other } = roles
    await sync(roles.asOther, sinkStream({ id: 'integer' }, { name: 'others' }), [])
    await db.query(grants(loader))
    const changes: Readonly<Record<string, string>> = {
      SUPERUSER: `ALTER ROLE ${other} SUPERUSER`,
      'owner of the database': `ALTER DATABASE ${db.address.database} OWNER TO ${other}`,
      pg_database_owner: `ALTER ${inSchema} OWNER TO pg_database_owner; REASSIGN OWNED BY ${other} TO pg_database_owner; ${grants(loader)}`,
    }
    await db.query(changes[owner] ?? '')
    await sync(roles.asLoader, { ...things, connection: 'loader' }, row)
    expect(await db.query('SELECT id::int FROM things')).toEqual(row)
    await db.query(`ALTER DATABASE ${db.address.database} OWNER TO CURRENT_USER`)
  },
)

test.each<readonly [what: string, sql: (other: string) => string, problem: RegExp]>(
  usually(2, [
    [
      'a table of another role',
      (other) => `ALTER TABLE reactor_connect.slices OWNER TO ${other}`,
      /"slices": it belongs to Other/,
    ],
    [
      'a view of another role in the place of a table',
      (other) =>
        `DROP TABLE reactor_connect.migrations; CREATE VIEW reactor_connect.migrations AS SELECT 1 AS version; ALTER VIEW reactor_connect.migrations OWNER TO ${other}`,
      /"migrations": it belongs to Other/,
    ],
    [
      'a trigger of another role',
      (other) =>
        `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; ALTER FUNCTION f() OWNER TO ${other};
       CREATE TRIGGER "My Trigger" BEFORE INSERT ON reactor_connect.streams FOR EACH ROW EXECUTE FUNCTION f()`,
      /"streams": its trigger "My Trigger" calls public\.f, a function of "Other/,
    ],
    [
      'a trigger with a condition',
      (other) =>
        `CREATE FUNCTION evil(x anyelement) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN false; END'; ALTER FUNCTION evil OWNER TO ${other};
       CREATE TRIGGER w BEFORE INSERT ON reactor_connect.slices FOR EACH ROW WHEN (evil(NEW.slice)) EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()`,
      /"slices": its trigger w has a condition \(WHEN\), which may call any function$/,
    ],
    [
      'a rule',
      () => `CREATE RULE r AS ON INSERT TO reactor_connect.positions DO ALSO SELECT 1`,
      /"positions": it has the rule r$/,
    ],
    [
      'a policy',
      () =>
        `CREATE POLICY p ON reactor_connect.runs; ALTER TABLE reactor_connect.runs ENABLE ROW LEVEL SECURITY`,
      /"runs": it has the policy p$/,
    ],
    [
      'a constraint',
      () => `ALTER TABLE reactor_connect.runs ADD CONSTRAINT c CHECK (length(connection) > 0)`,
      /"runs": it has the constraint c$/,
    ],
    [
      'a default',
      () => `ALTER TABLE reactor_connect.slices ALTER loaded SET DEFAULT length('abc')`,
      /"slices": its column loaded has another default or is computed$/,
    ],
    [
      'an index of an expression',
      () => `CREATE INDEX i ON reactor_connect.runs (lower(connection))`,
      /"runs": its index reactor_connect\.i has an expression$/,
    ],
    [
      'a table that inherits',
      () => `CREATE TABLE heir () INHERITS (reactor_connect.positions)`,
      /"positions": other tables inherit from it \(public\.heir\)$/,
    ],
  ]),
)('checkpoints are refused that have %s', async (_what, sql, problem) => {
  await using db = await testDatabase()
  await using roles = await twoRoles(db)
  await sync(db, things, row)
  await db.query(sql(roles.other))
  const error = await refusal(() => sync(db, things, row))
  expect(error.code).toBe('destination_bookkeeping_untrusted')
  expect(error.message).toMatch(problem)
})

async function mayTrigger({ asLoader, other }: Roles): Promise<unknown> {
  const rows = await asLoader.query(
    `SELECT relname FROM pg_class WHERE relnamespace = 'reactor_connect'::regnamespace AND relkind = 'r'
        AND has_table_privilege('${other.replaceAll('"', '')}', oid, 'TRIGGER')`,
  )
  return rows.map(({ relname }) => relname)
}

test('nobody else may give checkpoints a trigger, whatever the default privileges are, or were granted since', async () => {
  await using db = await testDatabase()
  await using roles = await twoRoles(db)
  const { asLoader, loader, other } = roles
  await db.query(
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${loader} GRANT ALL ON TABLES TO ${other};
     ALTER DEFAULT PRIVILEGES FOR ROLE ${loader} GRANT TRIGGER ON TABLES TO PUBLIC`,
  )
  await sync(asLoader, things, row)
  expect(await mayTrigger(roles)).toEqual([])
  expect(
    await db.query(
      `SELECT has_table_privilege('${other.replaceAll('"', '')}', 'reactor_connect.runs', 'SELECT') AS reads`,
    ),
  ).toEqual([{ reads: true }])
  await db.query(`GRANT TRIGGER ON ALL TABLES IN ${inSchema} TO ${other}, PUBLIC`)
  await sync(asLoader, things, row)
  expect(await mayTrigger(roles)).toEqual([])
})

test('an overwrite gathers no rows in a stage of another role', async () => {
  await using db = await testDatabase()
  await using roles = await twoRoles(db)
  const { asLoader, other } = roles
  const overwrite = sinkStream({ id: 'integer' }, { mode: 'overwrite' })
  await load(asLoader, await begin(asLoader, overwrite), { records: row })
  const [stage] = await db.query(
    `SELECT quote_ident(relname) AS name FROM pg_class WHERE relname LIKE 'things\\_\\_stage\\_%' AND relkind = 'r'`,
  )
  const name = String(stage?.name)
  await db.query(`ALTER TABLE ${name} OWNER TO ${other}; GRANT ALL ON ${name} TO PUBLIC`)
  const error = await refusal(() => begin(asLoader, overwrite))
  expect(error.details.reason).toMatch(
    /the table "public"\."things__stage_\w+", in which an overwrite gathers its rows, belongs to "Other/,
  )
  await db.query(/`(DROP TABLE [^`]+)`/.exec(error.suggestedFix)?.[1] ?? '')
  await sync(asLoader, overwrite, row)
  expect(await db.query('SELECT id::int FROM things')).toEqual(row)
})
