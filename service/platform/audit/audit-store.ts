import type {
  AuditDetails,
  AuditEntry,
  AuditFilter,
  AuditOutcome,
  AuditPrincipal,
} from './schema.ts'
import type { AuditEnd, AuditLog, NewAuditEntry } from './contract.ts'
import type { Page, PageRequest } from '../lists.ts'
import { Batches } from '../../../lib/async/batches.ts'
import type { Database, Row } from '../database/database.ts'
import { newId } from '../database/ids.ts'
import { pageOf, pagePlace } from '../database/page.ts'
import { Conditions } from '../database/statement.ts'

interface EntryRow extends Row {
  readonly id: string
  readonly at: string
  readonly principal_id: string | null
  readonly principal_kind: AuditPrincipal['kind'] | null
  readonly principal_name: string | null
  readonly via: AuditPrincipal['via'] | null
  readonly action: string
  readonly resource: string
  readonly name: string | null
  readonly request: string
  readonly request_id: string
  readonly address: string
  readonly outcome: AuditOutcome
  readonly status: number | null
  readonly error: string | null
  readonly details: AuditDetails | null
}

const table = 'reactor_connect_service.audit_log'
/** The columns and their types. */
const columnTypes = {
  id: 'text',
  principal_id: 'text',
  principal_kind: 'text',
  principal_name: 'text',
  via: 'text',
  action: 'text',
  resource: 'text',
  name: 'text',
  request: 'text',
  request_id: 'text',
  address: 'text',
  outcome: 'text',
  status: 'integer',
  error: 'text',
  details: 'jsonb',
}
const columns = Object.keys(columnTypes).join(', ')

/**
 * One entry costs as many statements as a hundred that come at the same time: see `bench -- actions`. Entry
 * and idempotency key of a call of an action in one statement at its beginning, and in one at its end, took 5
 * % less CPU (923 us to 873 us a call) and gave 5 % more calls a second (36 interleaved rounds, 2026-11-28):
 * too little for a store that knows both.
 */
export class PostgresAuditLog implements AuditLog {
  readonly #database: Database
  readonly #added: Batches<readonly unknown[], null>
  readonly #ended: Batches<AuditEnd & { readonly id: string }, null>

  constructor(database: Database) {
    this.#database = database
    this.#added = new Batches((rows) => this.#insert(rows))
    this.#ended = new Batches((ends) => this.#end(ends))
  }

  async add(entry: NewAuditEntry): Promise<string> {
    const { id, values } = newRow(entry)
    await this.#added.add(values)
    return id
  }

  async end(id: string, end: AuditEnd): Promise<void> {
    await this.#ended.add({ id, ...end })
  }

  /** A row that is there already was inserted by a batch whose session was lost. */
  async #insert(rows: readonly (readonly unknown[])[]): Promise<readonly null[]> {
    const types = Object.values(columnTypes)
    const lists = types.map((type, place) => `$${String(place + 1)}::${type}[]`)
    await this.#database.query(
      `INSERT INTO ${table} (${columns}) SELECT * FROM unnest(${lists.join(', ')})
       ON CONFLICT (id) DO NOTHING`,
      types.map((_, place) => rows.map((row) => row[place] ?? null)),
    )
    return rows.map(() => null)
  }

  async #end(ends: readonly (AuditEnd & { readonly id: string })[]): Promise<readonly null[]> {
    const list = (value: (end: (typeof ends)[number]) => unknown): unknown[] => ends.map(value)
    await this.#database.query(
      `UPDATE ${table} AS entry SET outcome = ended.outcome, status = ended.status,
         error = ended.error, name = ended.name, details = ended.details
       FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::jsonb[])
         AS ended (id, outcome, status, error, name, details)
       WHERE entry.id = ended.id`,
      [
        list(({ id }) => id),
        list(({ outcome }) => outcome),
        list(({ status }) => status),
        list(({ error }) => error),
        list(({ name }) => name),
        list(({ details }) => details && JSON.stringify(details)),
      ],
    )
    return ends.map(() => null)
  }

  async count(entry: NewAuditEntry, key: string): Promise<void> {
    const { values } = newRow({ ...entry, details: { ...entry.details, attempts: 1 } })
    const all = [...values, key]
    await this.#database.query(
      `INSERT INTO ${table} AS kept (${columns}, counted_under) VALUES (${placeholders(all)})
       ON CONFLICT (counted_under) DO UPDATE SET
         details = kept.details
           || jsonb_build_object('attempts', (kept.details ->> 'attempts')::bigint + 1),
         address = CASE WHEN kept.address = excluded.address THEN kept.address ELSE 'several' END`,
      all,
    )
  }

  async list(request: PageRequest & AuditFilter): Promise<Page<AuditEntry>> {
    const place = pagePlace('audit', request)
    const { and, values } = new Conditions()
      .add('principal_id =', request.principal)
      .add('action =', request.action)
      .add('resource =', request.resource)
      .add('name =', request.name)
      .add('outcome =', request.outcome)
      .add('at >= to_timestamp(', secondsOf(request.since), ')')
      .add('at < to_timestamp(', secondsOf(request.until), ')')
      .add('id <', place.after)
    const rows = await this.#database.query<EntryRow>(
      `SELECT at, ${columns} FROM ${table} WHERE true${and}
       ORDER BY id DESC LIMIT ${String(place.limit + 1)}`,
      values,
    )
    return pageOf(rows, place, { list: 'audit', key: (row) => row.id, item: entryOf })
  }
}

/** The values of `columns`. */
function newRow(entry: NewAuditEntry): {
  readonly id: string
  readonly values: readonly unknown[]
} {
  const id = newId('aud')
  const { principal, details } = entry
  const values = [
    ...[id, principal?.id, principal?.kind, principal?.name, principal?.via],
    ...[entry.action, entry.resource, entry.name, entry.request, entry.requestId],
    ...[entry.address, entry.outcome, entry.status, entry.error],
    details && JSON.stringify(details),
  ]
  return { id, values }
}

function placeholders(values: readonly unknown[]): string {
  return values.map((_, index) => `$${String(index + 1)}`).join(', ')
}

/** Seconds since 1970: PostgreSQL’s text format of a time supports fewer years than ISO 8601. */
function secondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000
}

function entryOf(row: EntryRow): AuditEntry {
  const { principal_id: id, principal_kind: kind, principal_name: name, via } = row
  const isKnown = id !== null && kind !== null && name !== null && via !== null
  return {
    id: row.id,
    at: row.at,
    principal: isKnown ? { id, kind, name, via } : null,
    action: row.action,
    resource: row.resource,
    name: row.name,
    request: row.request,
    requestId: row.request_id,
    address: row.address,
    outcome: row.outcome,
    status: row.status,
    error: row.error,
    details: row.details,
  }
}
