import type {
  AuditDetails,
  AuditEntry,
  AuditFilter,
  AuditOutcome,
  AuditPrincipal,
} from './schema.ts'
import type { AuditEnd, AuditLog, NewAuditEntry } from './contract.ts'
import type { Page, PageRequest } from '../lists.ts'
import type { Database, Row } from '../database/database.ts'
import { newId } from '../database/ids.ts'
import { pageOf, pagePlace } from '../database/page.ts'
import { Conditions } from '../database/statement.ts'

interface EntryRow extends Row {
  readonly id: string
  readonly at: Date
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
const columns =
  'id, principal_id, principal_kind, principal_name, via, action, resource, name, request, request_id, address, outcome, status, error, details'

export class PostgresAuditLog implements AuditLog {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async add(entry: NewAuditEntry): Promise<string> {
    const { id, values } = newRow(entry)
    await this.#database.query(
      `INSERT INTO ${table} (${columns}) VALUES (${placeholders(values)})`,
      values,
    )
    return id
  }

  async end(id: string, { outcome, status, error, name, details }: AuditEnd): Promise<void> {
    await this.#database.query(
      `UPDATE ${table} SET outcome = $2, status = $3, error = $4, name = $5, details = $6
       WHERE id = $1`,
      [id, outcome, status, error, name, details && JSON.stringify(details)],
    )
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
    at: row.at.toISOString(),
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
