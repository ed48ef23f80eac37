import { ConnectError, type ErrorBody } from '../../protocol/index.ts'
import type { PromotionBinding } from './promotion-binding.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type { Run } from '../runs/schema.ts'
import {
  sandboxSummarySchema,
  type Sandbox,
  type SandboxFindings,
  type SandboxSummary,
} from './schema.ts'
import { asOnlyActiveRun } from '../runs/active-run.ts'
import {
  violatedConstraint,
  type Database,
  type Row,
  type Session,
} from '../platform/database/database.ts'
import { newId } from '../platform/database/ids.ts'
import { pageOf, pagePlace } from '../platform/database/page.ts'
import { resourceOf, selectColumns } from '../platform/database/rows.ts'
import { runOf, selectRuns, type RunRow } from '../runs/run-rows.ts'
import {
  keptOfPrincipal,
  type StoredPromotion,
  type StoredToken,
  type NewStoredSandbox,
  type SandboxOutcome,
  type SandboxPlace,
  type SandboxStore,
} from './contract.ts'
import { Conditions } from '../platform/database/statement.ts'

interface SandboxKey extends Row {
  readonly id: string
}
interface SandboxRow extends Row {
  readonly report: SandboxFindings | null
  readonly error: ErrorBody | null
}
interface TokenRow extends Row {
  readonly token_hash: Buffer
  readonly binding: PromotionBinding
  readonly expires_at: string
  readonly has_expired: boolean
  readonly promoted_run: string | null
  readonly replaced_by: string | null
  readonly limit_rows: number
}

const table = 'reactor_connect_service.sandboxes'
const connections = 'reactor_connect_service.connections'

/** The columns of a table expression named `box`, with the connection as `connection`. */
const summary = `${selectColumns(sandboxSummarySchema, 'box', ['connection', 'status'])},
  connection.name AS connection,
  CASE WHEN box.promoted_run IS NOT NULL THEN 'promoted'
    WHEN box.status = 'ready' AND (box.expires_at <= now() OR box.replaced_by IS NOT NULL) THEN 'expired'
    ELSE box.status END AS status`
const joined = `JOIN ${connections} AS connection ON connection.id = box.connection_id`

export class PostgresSandboxStore implements SandboxStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async create(input: NewStoredSandbox): Promise<SandboxSummary> {
    const { id, connection, destination, principal, limitRows, lifetimeMs } = input
    const [row] = await this.#database
      .query<SandboxKey>(
        `WITH own AS (
           SELECT id FROM ${connections} WHERE name = $2 FOR KEY SHARE
         ), pushed_out AS (
           UPDATE ${table} SET expires_at = now(), token_hash = NULL WHERE id IN (
             SELECT box.id FROM own JOIN ${table} AS box ON box.connection_id = own.id
             WHERE box.dropped_at IS NULL AND box.status = 'ready' AND box.principal = $4
             ORDER BY box.id DESC OFFSET $7)
         ), made AS (
           INSERT INTO ${table} (id, connection_id, destination, principal, limit_rows, expires_at)
           SELECT $1, own.id, $3, $4, $5,
             date_trunc('milliseconds', now() + $6 * interval '1 ms') FROM own
           RETURNING *
         ) SELECT ${summary} FROM made AS box ${joined}`,
        [id, connection, destination, principal, limitRows, lifetimeMs, keptOfPrincipal - 1],
      )
      .catch((error: unknown) => {
        throw violatedConstraint(error) === 'sandboxes_one_running'
          ? new ConnectError('sandbox_active', { details: { connection } })
          : error
      })
    if (row === undefined)
      throw new ConnectError('connection_not_found', { details: { connection } })
    return summaryOf(row)
  }

  async beat(id: string): Promise<boolean> {
    const rows = await this.#database.query(
      `UPDATE ${table} SET beat_at = now()
       WHERE id = $1 AND status = 'running' AND connection_id IS NOT NULL RETURNING id`,
      [id],
    )
    return rows.length > 0
  }

  async end(id: string, outcome: SandboxOutcome): Promise<SandboxSummary | null> {
    const ready = outcome.status === 'ready' ? outcome : undefined
    const [row] = await this.#database.query<SandboxKey>(
      `WITH ended AS (
         UPDATE ${table} SET status = $2, report = $3, error = $4, binding = $5, token_hash = $6
         WHERE id = $1 AND status = 'running' AND connection_id IS NOT NULL RETURNING *
       ) SELECT ${summary} FROM ended AS box ${joined}`,
      [
        id,
        outcome.status,
        ready === undefined ? null : JSON.stringify(ready.report),
        outcome.status === 'failed' ? JSON.stringify(outcome.error) : null,
        ready?.token ? JSON.stringify(ready.token.binding) : null,
        ready?.token?.hash ?? null,
      ],
    )
    return row === undefined ? null : summaryOf(row)
  }

  async get(connection: string, id: string): Promise<Sandbox> {
    const [row] = await this.#database.query<SandboxRow>(
      `SELECT ${summary}, box.report, box.error FROM ${table} AS box ${joined}
       WHERE box.id = $1 AND connection.name = $2`,
      [id, connection],
    )
    if (row === undefined) throw notFound(connection, id)
    return { ...summaryOf(row), report: row.report, error: row.error }
  }

  async list(connection: string, request: PageRequest): Promise<Page<SandboxSummary>> {
    const place = pagePlace('sandboxes', request)
    const [owner] = await this.#database.query<{ id: string }>(
      `SELECT id FROM ${connections} WHERE name = $1`,
      [connection],
    )
    if (owner === undefined)
      throw new ConnectError('connection_not_found', { details: { connection } })
    const { and, values } = new Conditions()
      .add('box.connection_id =', owner.id)
      .add('box.id <', place.after)
    const rows = await this.#database.query<SandboxKey>(
      `SELECT ${summary} FROM ${table} AS box ${joined}
       WHERE true${and} ORDER BY box.id DESC LIMIT ${String(place.limit + 1)}`,
      values,
    )
    const item = (row: SandboxKey): SandboxSummary => summaryOf(row)
    return pageOf(rows, place, { list: 'sandboxes', key: ({ id }) => id, item })
  }

  async findToken(connectionId: string, id: string): Promise<StoredToken | null> {
    const [row] = await this.#database.query<TokenRow>(
      `SELECT token_hash, binding, expires_at, expires_at <= now() AS has_expired, promoted_run,
         replaced_by, limit_rows
       FROM ${table} WHERE id = $1 AND connection_id = $2 AND token_hash IS NOT NULL`,
      [id, connectionId],
    )
    if (row === undefined) return null
    return {
      hash: row.token_hash,
      binding: row.binding,
      expiresAt: row.expires_at,
      hasExpired: row.has_expired,
      promotedRun: row.promoted_run,
      replacedBy: row.replaced_by,
      limitRows: row.limit_rows,
    }
  }

  async promote(promotion: StoredPromotion): Promise<Run> {
    const run = newId('run')
    return asOnlyActiveRun(this.#database, promotion.connection.name, () =>
      this.#database.transaction(async (session) => {
        await useToken(session, promotion, run)
        await activate(session, promotion)
        return await queueRun(session, promotion, run)
      }),
    )
  }

  async release(connection: string, id: string): ReturnType<SandboxStore['release']> {
    const [row] = await this.#database.query<SandboxPlace & { readonly runs: boolean } & Row>(
      `UPDATE ${table} AS box SET connection_id = NULL, token_hash = NULL
       FROM ${connections} AS connection
       WHERE box.id = $1 AND connection.id = box.connection_id AND connection.name = $2
       RETURNING box.id, box.destination, box.status = 'running' AS runs`,
      [id, connection],
    )
    if (row === undefined) throw notFound(connection, id)
    return row
  }

  async running(connection: string): Promise<string | null> {
    const [row] = await this.#database.query<{ id: string }>(
      `SELECT box.id FROM ${table} AS box ${joined}
       WHERE connection.name = $1 AND box.status = 'running'`,
      [connection],
    )
    return row?.id ?? null
  }

  async place(connection: string, id: string): Promise<SandboxPlace | null> {
    const [row] = await this.#database.query<SandboxPlace & { readonly stays: boolean } & Row>(
      `SELECT box.id, box.destination, box.dropped_at IS NULL AND box.status = 'ready' AND box.promoted_run IS NULL
         AND box.replaced_by IS NULL AND box.expires_at > now() AS stays
       FROM ${table} AS box ${joined} WHERE box.id = $1 AND connection.name = $2`,
      [id, connection],
    )
    if (row === undefined) throw notFound(connection, id)
    return row.stays ? { id: row.id, destination: row.destination } : null
  }

  async replace(id: string, by: string): Promise<void> {
    await this.#database.query(`UPDATE ${table} SET replaced_by = $2 WHERE id = $1`, [id, by])
  }

  async findStale(staleMs: number): ReturnType<SandboxStore['findStale']> {
    return this.#database.query<{ id: string; connection: string | null }>(
      `SELECT box.id, connection.name AS connection FROM ${table} AS box LEFT ${joined}
       WHERE box.status = 'running' AND box.beat_at <= now() - $1 * interval '1 ms'`,
      [staleMs],
    )
  }

  async endStale(id: string, staleMs: number, error: ErrorBody): Promise<void> {
    await this.#database.query(
      `UPDATE ${table} SET status = 'failed', error = $3
       WHERE id = $1 AND status = 'running' AND beat_at <= now() - $2 * interval '1 ms'`,
      [id, staleMs, JSON.stringify(error)],
    )
  }

  async toDrop(limit: number): Promise<readonly SandboxPlace[]> {
    return this.#database.query<SandboxPlace & Row>(
      `SELECT id, destination FROM ${table}
       WHERE dropped_at IS NULL AND (status = 'failed' OR status = 'ready'
         AND (expires_at <= now() OR promoted_run IS NOT NULL OR replaced_by IS NOT NULL OR connection_id IS NULL))
       ORDER BY expires_at LIMIT $1`,
      [limit],
    )
  }

  async noteDropped(id: string): Promise<void> {
    await this.#database.query(
      `WITH unowned AS (
         DELETE FROM ${table} WHERE id = $1 AND connection_id IS NULL
       )
       UPDATE ${table} SET dropped_at = now() WHERE id = $1 AND connection_id IS NOT NULL`,
      [id],
    )
  }

  async findAlive(ids: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#database.query<{ id: string }>(
      `SELECT id FROM ${table} WHERE id = ANY ($1) AND dropped_at IS NULL
         AND (status = 'running' OR expires_at > now())`,
      [ids],
    )
    return rows.map(({ id }) => id)
  }

  async destinations(): Promise<readonly string[]> {
    const rows = await this.#database.query<{ destination: string }>(
      `SELECT destination FROM ${connections}
       UNION SELECT destination FROM ${table} WHERE dropped_at IS NULL`,
    )
    return rows.map(({ destination }) => destination)
  }
}

async function useToken(session: Session, promotion: StoredPromotion, run: string): Promise<void> {
  const { sandbox, tokenHash, connection } = promotion
  const rows = await session.query(
    `UPDATE ${table} SET promoted_run = $3
     WHERE id = $1 AND token_hash = $2 AND promoted_run IS NULL AND replaced_by IS NULL
       AND expires_at > now() RETURNING id`,
    [sandbox, tokenHash, run],
  )
  if (rows.length > 0) return
  const [row] = await session.query<{ promoted_run: string | null }>(
    `SELECT promoted_run FROM ${table} WHERE id = $1 AND token_hash = $2`,
    [sandbox, tokenHash],
  )
  const details = { connection: connection.name }
  if (row === undefined) throw new ConnectError('promote_token_invalid', { details })
  throw row.promoted_run === null
    ? new ConnectError('promote_token_expired', { details })
    : new ConnectError('promote_token_used', { details: { ...details, run: row.promoted_run } })
}

/** A paused connection stays paused: its schedule was stopped on purpose. */
async function activate(session: Session, promotion: StoredPromotion): Promise<void> {
  const { connection, catalog, nextRunAt } = promotion
  const rows = await session.query(
    `UPDATE ${connections} SET
       next_run_at = CASE WHEN status = 'inactive' THEN $3::timestamptz ELSE next_run_at END,
       status = CASE WHEN status = 'inactive' THEN 'active' ELSE status END,
       approved_catalog = $4, drift = NULL, drift_catalog = NULL, version = version + 1, updated_at = now()
     WHERE id = $1 AND version = $2 RETURNING id`,
    [connection.id, connection.version, nextRunAt, JSON.stringify(catalog)],
  )
  if (rows.length > 0) return
  const { name, version: expected } = connection
  throw new ConnectError('version_conflict', {
    details: { kind: 'Connection', name, actual: 'another', expected },
  })
}

async function queueRun(session: Session, promotion: StoredPromotion, run: string): Promise<Run> {
  const [row] = await session.query<RunRow>(
    `WITH made AS (
       INSERT INTO reactor_connect_service.runs (id, connection_id, trigger)
       VALUES ($1, $2, 'promote') RETURNING *
     ) ${selectRuns('made')}`,
    [run, promotion.connection.id],
  )
  if (row === undefined) throw new TypeError('a run that was inserted is not there')
  return runOf(row)
}

function summaryOf(row: Row): SandboxSummary {
  return resourceOf(sandboxSummarySchema, row)
}

function notFound(connection: string, sandbox: string): ConnectError {
  return new ConnectError('sandbox_not_found', { details: { connection, sandbox } })
}
