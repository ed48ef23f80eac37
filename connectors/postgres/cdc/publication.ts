import { setTimeout as sleep } from 'node:timers/promises'
import { quoteIdentifier, quoteQualified } from '../../../postgres/quote.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { PostgresConfig } from '../config.ts'
import { unavailable } from './replication-errors.ts'
import type { ServerFacts } from './server-facts.ts'
import type { ServerSession } from './server-session.ts'
import type { TableIdentity } from './table-identity.ts'

/** How long tables that were just added wait for the transactions that were writing to them. */
const writersPatienceMs = 60_000

export interface Publications {
  readonly names: readonly string[]
  /** Tables of this run that were not published until now: their earlier changes are not sent. */
  readonly added: ReadonlySet<number>
  /** Tables that are published, and that this run does not read. */
  readonly others: readonly string[]
}

interface Publication {
  readonly name: string
  readonly tables: readonly TableIdentity[]
  /** Operations that it publishes; absent: all. */
  readonly publish?: string
}

/**
 * Makes the publications of the tables, or adds the tables that they lack. A table without a replica identity
 * is in a publication of inserts: in the other one, PostgreSQL would refuse its updates.
 */
export async function publishTables(
  session: ServerSession,
  config: PostgresConfig,
  { tables, facts }: { readonly tables: readonly TableIdentity[]; readonly facts: ServerFacts },
): Promise<Publications> {
  const wanted: Publication[] = [
    {
      name: config.publication,
      tables: tables.filter(({ identity }) => identity !== 'nothing'),
    },
    {
      name: `${config.publication}_inserts`,
      tables: tables.filter(({ identity }) => identity === 'nothing'),
      publish: 'insert, truncate',
    },
  ]
  const names: string[] = []
  const added = new Set<number>()
  const others: string[] = []
  const mine = new Set(tables.map(({ oid }) => oid))
  for (const publication of wanted) {
    const known = await findPublication(session, publication.name)
    if (known === undefined && publication.tables.length === 0) continue
    names.push(publication.name)
    if (known !== undefined) requireRoots(config, publication, known)
    const present = new Set(known?.tables.map(({ oid }) => oid))
    const missing = publication.tables.filter(({ oid }) => !present.has(oid))
    if (known === undefined || missing.length > 0) {
      await change(session, config, { ...publication, tables: missing, isNew: !known, facts })
      for (const { oid } of missing) added.add(oid)
    }
    others.push(...othersIn(known, mine))
  }
  await waitForWriters(session, config, [...added])
  return { names, added, others }
}

/** The same for reads that change nothing: tables that are not published count as added. */
export async function findPublications(
  session: ServerSession,
  { publication }: PostgresConfig,
  tables: readonly TableIdentity[],
): Promise<Publications> {
  const names: string[] = []
  const published = new Set<number>()
  for (const name of [publication, `${publication}_inserts`]) {
    const known = await findPublication(session, name)
    if (known === undefined) continue
    names.push(name)
    for (const { oid } of known.tables) published.add(oid)
  }
  const added = tables.filter(({ oid }) => !published.has(oid)).map(({ oid }) => oid)
  return { names, added: new Set(added), others: [] }
}

/** A publication of all tables is not ours to keep the log for. */
function othersIn(known: KnownPublication | undefined, mine: ReadonlySet<number>): string[] {
  if (known === undefined || known.isOfAll) return []
  return known.tables.flatMap(({ oid, name }) => (mine.has(oid) ? [] : [name]))
}

interface KnownPublication {
  readonly viaRoot: boolean
  readonly isOfAll: boolean
  readonly tables: readonly { readonly oid: number; readonly name: string }[]
}

async function findPublication(
  session: ServerSession,
  name: string,
): Promise<KnownPublication | undefined> {
  const [row] = await session.rows<KnownPublication>(
    `SELECT p.pubviaroot AS "viaRoot", p.puballtables AS "isOfAll",
       coalesce((SELECT json_agg(json_build_object('oid', c.oid::int8, 'name', t.schemaname || '.' || t.tablename))
          FROM pg_publication_tables t JOIN pg_namespace n ON n.nspname = t.schemaname
          JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
         WHERE t.pubname = p.pubname), '[]') AS tables
     FROM pg_publication p WHERE p.pubname = $1`,
    [name],
  )
  return row
}

function requireRoots(
  config: PostgresConfig,
  { name, tables }: Publication,
  { viaRoot }: KnownPublication,
): void {
  if (viaRoot || tables.every(({ kind }) => kind !== 'p')) return
  throw unavailable(config, {
    problem: `publication ${name} shows the partitions of a table instead of the table`,
    fix: `Run \`ALTER PUBLICATION ${quoteIdentifier(name)} SET (publish_via_partition_root = true)\` as its owner.`,
  })
}

async function change(
  session: ServerSession,
  config: PostgresConfig,
  publication: Publication & { readonly isNew: boolean; readonly facts: ServerFacts },
): Promise<void> {
  const { name, tables, isNew } = publication
  const list = tables.map(tableSql).join(', ')
  const sql = isNew
    ? `CREATE PUBLICATION ${quoteIdentifier(name)} FOR TABLE ${list} WITH (${optionsOf(publication)})`
    : `ALTER PUBLICATION ${quoteIdentifier(name)} ADD TABLE ${list}`
  const refusal = await session.attempt(sql)
  if (refusal === undefined) return
  throw unavailable(config, {
    problem: `publication ${name} could not be ${isNew ? 'created' : 'changed'}: ${refusal.message}`,
    fix: `Run \`${sql}\` as a role that owns the tables (and may create in the database), or as a superuser.`,
  })
}

function optionsOf({
  publish,
  facts,
}: Pick<Publication, 'publish'> & { readonly facts: ServerFacts }): string {
  return [
    'publish_via_partition_root = true',
    ...(publish === undefined ? [] : [`publish = '${publish}'`]),
    ...(facts.version >= 180000 ? ['publish_generated_columns = stored'] : []),
  ].join(', ')
}

/** The children of a table by inheritance are streams of their own. */
function tableSql({ schema, name, kind }: TableIdentity): string {
  return `${kind === 'r' ? 'ONLY ' : ''}${quoteQualified(schema, name)}`
}

/**
 * A transaction that has written to a table before it was published is sent without these changes. A snapshot
 * must not begin before it has ended, or it would show neither.
 */
async function waitForWriters(
  session: ServerSession,
  config: PostgresConfig,
  oids: readonly number[],
): Promise<void> {
  if (oids.length === 0) return
  const first = await writersOf(session, oids)
  const giveUpAt = performance.now() + writersPatienceMs
  let waiting = first
  while (waiting.length > 0) {
    if (performance.now() > giveUpAt) {
      const [holder] = waiting
      const { host, port } = config
      throw new ConnectError('source_slot_waits', {
        details: { host, port, holder: holder?.holder ?? '' },
      })
    }
    await sleep(100)
    const present = new Set((await writersOf(session, oids)).map(({ transaction }) => transaction))
    waiting = first.filter(({ transaction }) => present.has(transaction))
  }
}

interface Writer {
  readonly transaction: string
  readonly holder: string
}

async function writersOf(session: ServerSession, oids: readonly number[]): Promise<Writer[]> {
  return session.rows<Writer>(
    `SELECT l.virtualtransaction AS transaction, ${holderSql} AS holder
       FROM pg_locks l LEFT JOIN pg_stat_activity s USING (pid)
      WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
        AND l.relation IN (SELECT coalesce(p.relid::oid, t.oid)
                             FROM unnest($1::oid[]) AS t(oid) LEFT JOIN LATERAL pg_partition_tree(t.oid) p ON true)`,
    [oids],
  )
}

/** A session `s` for people: never its query. Without a session it is a prepared transaction. */
export const holderSql = `CASE WHEN s.pid IS NULL THEN 'a prepared transaction (pg_prepared_xacts)' ELSE
  format('session %s of user %s (%s, %s, its transaction began %s seconds ago)', s.pid, coalesce(s.usename, 'unknown'),
    coalesce(nullif(s.application_name, ''), 'no application_name'), coalesce(s.state, 'state unknown'),
    coalesce(extract(epoch FROM now() - s.xact_start)::int::text, '?')) END`
