import { randomUUID } from 'node:crypto'
import { openPair, type Pair, type StreamPlace } from '../../../engine/two-way/open-pair.ts'
import type { LinkStore } from '../../../engine/two-way/link-store.ts'
import type { Sides } from '../../../engine/two-way/pair-side.ts'
import { syncPair, type PairReport } from '../../../engine/two-way/sync-pair.ts'
import type { StreamCounts } from '../../../engine/two-way/pair-types.ts'
import { silent } from '../../support/logger.ts'
import { testDatabase, type Row, type TestDatabase } from '../../support/postgres.ts'

/** Two databases with accounts and contacts, whose ids, column names and types differ. */
export interface PairShop extends AsyncDisposable {
  readonly a: TestDatabase
  readonly b: TestDatabase
  readonly pair: Pair
}

export async function createPairShop(change: Partial<Pair> = {}): Promise<PairShop> {
  const a = await testDatabase()
  const b = await testDatabase()
  await a.query(
    `CREATE TABLE account (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL)`,
  )
  await a.query(`CREATE TABLE contact (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text,
    phone text, score numeric(10,2), account_id int REFERENCES account,
    changed timestamptz NOT NULL DEFAULT clock_timestamp())`)
  await b.query(
    `CREATE TABLE company (uid uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text NOT NULL)`,
  )
  await b.query(`CREATE TABLE person (uid uuid PRIMARY KEY DEFAULT gen_random_uuid(), mail text,
    tel text, points float8, company uuid REFERENCES company,
    changed timestamptz NOT NULL DEFAULT clock_timestamp())`)
  for (const [database, table] of [
    [a, 'contact'],
    [b, 'person'],
  ] as const) {
    await database.query(`CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN NEW.changed = clock_timestamp(); RETURN NEW; END'`)
    await database.query(
      `CREATE TRIGGER touch BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION touch()`,
    )
  }
  return {
    a,
    b,
    pair: { ...pairOf(a, b), ...change },
    [Symbol.asyncDispose]: async () => {
      await a[Symbol.asyncDispose]()
      await b[Symbol.asyncDispose]()
    },
  }
}

const mayCreate = { a: true, b: true }

function pairOf(a: TestDatabase, b: TestDatabase): Pair {
  return {
    name: 'crm',
    sides: {
      a: { kind: 'postgres', database: { address: a.address } },
      b: { kind: 'postgres', database: { address: b.address } },
    },
    linksOn: 'a',
    streams: [
      {
        name: 'contact',
        fields: [
          { name: 'email' },
          { name: 'phone' },
          { name: 'score' },
          { name: 'account', references: 'account' },
        ],
        ...{
          rules: { rule: 'last_write_wins', fields: { phone: 'source_of_truth_b' } },
          mayCreate,
        },
        ...{ deletes: 'propagate', matchField: 'email' },
        places: {
          a: tableOf('contact', {
            columns: { email: 'email', phone: 'phone', score: 'score', account: 'account_id' },
            modified: 'changed',
          }),
          b: tableOf('person', {
            columns: { email: 'mail', phone: 'tel', score: 'points', account: 'company' },
            modified: 'changed',
          }),
        },
      },
      {
        ...{ name: 'account', fields: [{ name: 'name' }], mayCreate },
        ...{
          rules: { rule: 'source_of_truth_a', fields: {} },
          deletes: 'propagate',
          matchField: 'name',
        },
        places: {
          a: tableOf('account', { columns: { name: 'name' } }),
          b: tableOf('company', { columns: { name: 'title' } }),
        },
      },
    ],
    options: {
      ...{ skewToleranceMs: 0, loopLimit: { writes: 20, windowMs: 3_600_000 } },
      ...{ deleteLimit: { records: 10, share: 0.1 }, allowsDeletes: false },
    },
  }
}

function tableOf(
  table: string,
  {
    columns,
    ...more
  }: { readonly columns: Readonly<Record<string, string>>; readonly modified?: string },
): StreamPlace {
  const columnsByName = new Map(Object.entries(columns))
  return { kind: 'postgres', table: { schema: 'public', table, columns: columnsByName, ...more } }
}

export interface RoundChange {
  readonly store?: (store: LinkStore) => LinkStore
  readonly sides?: (sides: Sides) => Sides
}

/** A run of the pair: all sessions are its own. */
export async function runRound({ pair }: PairShop, change: RoundChange = {}): Promise<PairReport> {
  const { signal } = new AbortController()
  const now = (): number => Date.now()
  await using open = await openPair(pair, { logger: silent, signal, now })
  await open.setUp()
  return await syncPair(
    {
      sides: change.sides?.(open.sides) ?? open.sides,
      store: change.store?.(open.store) ?? open.store,
      ...{ streams: pair.streams, options: pair.options, logger: silent, signal, now },
      newId: () => randomUUID(),
      assertAlone: () => open.lock.assertHeld(),
    },
    { finds: 'sweep' },
  )
}

/** Only numbers that are not 0. */
export function changesOf(report: PairReport, stream: string): Partial<StreamCounts> {
  const counts = Object.entries(report.streams.get(stream) ?? {})
  return Object.fromEntries(
    counts.filter(([name, count]) => count !== 0 && name !== 'compared' && name !== 'linked'),
  )
}

/** Contacts of both sides, with the names of their accounts. */
export async function contacts({
  a,
  b,
}: PairShop): Promise<{ readonly a: Row[]; readonly b: Row[] }> {
  return {
    a: await a.query(`SELECT email, phone, score::float8 AS score, account.name AS account
      FROM contact LEFT JOIN account ON account.id = account_id ORDER BY email, phone`),
    b: await b.query(`SELECT mail AS email, tel AS phone, points AS score, company.title AS account
      FROM person LEFT JOIN company ON company.uid = company ORDER BY email, phone`),
  }
}
