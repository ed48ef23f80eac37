import type {
  AuditEntry,
  AuditFilter,
  AuditLog,
  AuditOutcome,
  NewAuditEntry,
} from '../access/audit.ts'
import type { Principal } from '../access/principal.ts'
import type { Page, PageRequest } from '../contract/lists.ts'
import type { Database, Row } from './database.ts'
import { newId } from './ids.ts'
import { pageOf, pagePlace } from './page.ts'
import { Conditions } from './statement.ts'

interface EntryRow extends Row {
  readonly id: string
  readonly at: Date
  readonly principal_id: string | null
  readonly principal_kind: Principal['kind'] | null
  readonly principal_name: string | null
  readonly via: Principal['via'] | null
  readonly action: string
  readonly resource: string
  readonly name: string | null
  readonly request: string
  readonly request_id: string
  readonly address: string
  readonly outcome: AuditOutcome
  readonly status: number | null
  readonly error: string | null
}

const table = 'reactor_connect_service.audit_log'
const columns =
  'id, principal_id, principal_kind, principal_name, via, action, resource, name, request, request_id, address, outcome, status, error'

export class Audit implements AuditLog {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async add(entry: NewAuditEntry): Promise<string> {
    const id = newId('aud')
    const { principal } = entry
    await this.#database.query(
      `INSERT INTO ${table} (${columns})
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      [
        ...[id, principal?.id, principal?.kind, principal?.name, principal?.via],
        ...[entry.action, entry.resource, entry.name, entry.request, entry.requestId],
        ...[entry.address, entry.outcome, entry.status, entry.error],
      ],
    )
    return id
  }

  async end(
    id: string,
    { outcome, status, error, name }: Parameters<AuditLog['end']>[1],
  ): Promise<void> {
    await this.#database.query(
      `UPDATE ${table} SET outcome = $2, status = $3, error = $4, name = $5 WHERE id = $1`,
      [id, outcome, status, error, name],
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

/** Since 1970: PostgreSQL’s text of a time knows fewer years than ISO 8601. */
function secondsOf(at: string | undefined): number | undefined {
  return at === undefined ? undefined : Date.parse(at) / 1000
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
  }
}
