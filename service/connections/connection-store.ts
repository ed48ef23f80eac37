import { ConnectError } from '../../protocol/index.ts'
import {
  connectionSchema,
  connectionSummarySchema,
  type Connection,
  type ConnectionSummary,
} from './schema.ts'
import type { Page, PageRequest, ShownOnly } from '../platform/lists.ts'
import { findActiveRun } from '../runs/active-run.ts'
import type { RunSummary } from '../runs/schema.ts'
import {
  violatedConstraint,
  type Database,
  type Row,
  type Session,
} from '../platform/database/database.ts'
import { newId } from '../platform/database/ids.ts'
import { pageOf, pagePlace, readShown } from '../platform/database/page.ts'
import { runSummaryOf, summaryColumns as runColumns } from '../runs/run-rows.ts'
import { assignments, selectColumns, resourceOf, setClause } from '../platform/database/rows.ts'
import { Conditions } from '../platform/database/statement.ts'
import type { ConnectionChange, ConnectionStore, NewConnection } from './contract.ts'

interface ConnectionRow extends Row {
  readonly name: string
  readonly from: string
  readonly last_run: Row | null
}

/** Without the catalogs: with many streams they are megabytes. */
const columns = selectColumns(connectionSchema, 'c', ['from', 'lastRun'])
const summaryColumns = selectColumns(connectionSummarySchema, 'c', ['from', 'lastRun'])

/**
 * The connections of the table expression `from`, each with its last run: the newest of its index, so one row
 * is read.
 */
const select = (from: string, chosen = columns): string => `
  SELECT ${chosen}, instance.name AS "from", to_json(last) AS last_run
  FROM ${from} AS c
  JOIN reactor_connect_service.instances AS instance ON instance.id = c.instance_id
  LEFT JOIN LATERAL (
    SELECT ${runColumns} FROM reactor_connect_service.runs AS run
    WHERE run.connection_id = c.id ORDER BY run.id DESC LIMIT 1
  ) AS last ON true`
const table = 'reactor_connect_service.connections'

export class PostgresConnectionStore implements ConnectionStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async create(input: NewConnection): Promise<Connection> {
    const { name, from, ...fields } = input
    const made = assignments({ id: newId('con'), name, ...fields }, 2)
    const [row] = await this.#database
      .query<ConnectionRow>(
        `WITH made AS (
           INSERT INTO ${table} (instance_id, ${made.columns.join(', ')})
           SELECT id, ${made.places.join(', ')}
           FROM reactor_connect_service.instances WHERE name = $1
           RETURNING *
         ) ${select('made')}`,
        [from, ...made.values],
      )
      .catch((error: unknown) => {
        const constraint = violatedConstraint(error)
        if (constraint === 'connections_name')
          throw new ConnectError('name_taken', { details: { kind: 'connection', name } })
        throw constraint === 'connections_instance' ? noInstance(from) : error
      })
    if (row === undefined) throw noInstance(from)
    return connectionOf(row, name)
  }

  async get(name: string): Promise<Connection> {
    const [row] = await this.#database.query<ConnectionRow>(`${select(table)} WHERE c.name = $1`, [
      name,
    ])
    return connectionOf(row, name)
  }

  async list(
    request: PageRequest &
      ShownOnly & {
        readonly instance?: string
        readonly destination?: string
        readonly status?: Connection['status']
      },
  ): Promise<Page<ConnectionSummary>> {
    const place = pagePlace('connections', request)
    const key = (row: ConnectionRow): string => row.name
    const read = (after: string | null, count: number): Promise<ConnectionRow[]> => {
      const { and, values } = new Conditions()
        .add(
          'instance_id = (SELECT id FROM reactor_connect_service.instances WHERE name =',
          request.instance,
          ')',
        )
        .add('destination =', request.destination)
        .add('status =', request.status)
        .add('name >', after)
      return this.#database.query<ConnectionRow>(
        `WITH page AS (
           SELECT * FROM ${table} WHERE true${and} ORDER BY name LIMIT ${String(count)}
         ) ${select('page', summaryColumns)} ORDER BY c.name`,
        values,
      )
    }
    const isShown = request.shown
    const shown = isShown && ((row: ConnectionRow) => isShown({ name: row.name, from: row.from }))
    const rows = await readShown(place, read, { key, shown })
    const item = (row: ConnectionRow): ConnectionSummary =>
      resourceOf(connectionSummarySchema, row, { lastRun: lastRunOf(row) })
    return pageOf(rows, place, { list: 'connections', key, item })
  }

  async update(name: string, change: ConnectionChange, ifVersion?: number): Promise<Connection> {
    const changed = assignments(change, 6)
    // Other streams, or another drift policy: the next run checks the schema as if for the first time.
    const looksAgain = `($3::boolean OR $4::boolean AND $5::text IS DISTINCT FROM options->>'schemaDrift')`
    const [row] = await this.#database.query<ConnectionRow>(
      `WITH changed AS (
         UPDATE ${table} SET ${setClause(changed)}
           drift = CASE WHEN ${looksAgain} THEN NULL ELSE drift END,
           drift_catalog = CASE WHEN ${looksAgain} THEN NULL ELSE drift_catalog END,
           version = version + 1,
           updated_at = now()
         WHERE name = $1 AND version = coalesce($2, version)
         RETURNING *
       ) ${select('changed')}`,
      [
        name,
        ifVersion,
        change.streams !== undefined,
        change.options !== undefined,
        change.options?.schemaDrift,
        ...changed.values,
      ],
    )
    return row === undefined ? this.#missing(name, ifVersion) : connectionOf(row, name)
  }

  async delete(name: string, ifVersion?: number): Promise<Connection> {
    return this.#database.transaction(async (session) => {
      // This lock prevents new runs; the runs are checked after it.
      const [row] = await session.query<ConnectionRow>(
        `${select(table)} WHERE c.name = $1 FOR UPDATE OF c`,
        [name],
      )
      const connection = connectionOf(row, name)
      if (ifVersion !== undefined && ifVersion !== connection.version)
        throw conflict(connection, ifVersion)
      await deleteIdle(session, connection)
      return connection
    })
  }

  async missing(names: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#database.query<{ name: string }>(
      `SELECT name FROM unnest($1::text[]) AS given (name)
       WHERE NOT EXISTS (SELECT FROM ${table} AS c WHERE c.name = given.name COLLATE "C")`,
      [names],
    )
    return rows.map(({ name }) => name)
  }

  async moveNextRun(id: string, from: string | null, to: string | null): Promise<boolean> {
    const rows = await this.#database.query(
      `UPDATE ${table} SET next_run_at = $3
       WHERE id = $1 AND status = 'active' AND next_run_at IS NOT DISTINCT FROM $2 RETURNING id`,
      [id, from, to],
    )
    return rows.length > 0
  }

  async #missing(name: string, expected: number | undefined): Promise<never> {
    const connection = await this.get(name)
    throw conflict(connection, expected ?? connection.version)
  }
}

async function deleteIdle(session: Session, { id, name }: Connection): Promise<void> {
  const run = await findActiveRun(session, name)
  if (run !== null)
    throw new ConnectError('connection_has_active_run', { details: { connection: name, run } })
  // Deletes years of runs and their lines too.
  await session.query('SET LOCAL statement_timeout = 0')
  await session.query(`DELETE FROM ${table} WHERE id = $1`, [id])
}

function conflict({ name, version }: Connection, expected: number): ConnectError {
  return new ConnectError('version_conflict', {
    details: { kind: 'Connection', name, actual: version, expected },
  })
}

function noInstance(instance: string): ConnectError {
  return new ConnectError('instance_not_found', { details: { instance } })
}

function connectionOf(row: ConnectionRow | undefined, name: string): Connection {
  if (row === undefined)
    throw new ConnectError('connection_not_found', { details: { connection: name } })
  return resourceOf(connectionSchema, row, { lastRun: lastRunOf(row) })
}

function lastRunOf({ name, last_run: last }: ConnectionRow): RunSummary | null {
  return last && runSummaryOf(last, name)
}
