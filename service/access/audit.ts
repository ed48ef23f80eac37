import type { Page, PageRequest } from '../contract/lists.ts'
import type { Principal } from './principal.ts'

/**
 * What became of it. begun: it is going on, or the process died at it; whether it happened is not known. replayed: it was done
 * before, under the same `Idempotency-Key`, and nothing happened now.
 */
export const auditOutcomes = ['begun', 'done', 'failed', 'denied', 'replayed'] as const
export type AuditOutcome = (typeof auditOutcomes)[number]

/** Who did what to what, or tried to. Never a body, a secret or a token. */
export interface AuditEntry {
  /** A ULID with the prefix `aud_`: sorts by time. */
  readonly id: string
  /** ISO 8601. */
  readonly at: string
  /** Null: a browser that came back from an authorization. */
  readonly principal: Pick<Principal, 'id' | 'kind' | 'name' | 'via'> | null
  readonly action: string
  /** `instance`, `connection`, `api-key`, …: the first part of the action. */
  readonly resource: string
  /** Of the resource; null where there is none, or it was not known. */
  readonly name: string | null
  /** Method and path, without a query. */
  readonly request: string
  readonly requestId: string
  /** Of the client, as the service sees it. */
  readonly address: string
  readonly outcome: AuditOutcome
  /** HTTP status of the answer; null while it is not given. */
  readonly status: number | null
  /** Code of the error; null where there was none. */
  readonly error: string | null
}

export type NewAuditEntry = Omit<AuditEntry, 'id' | 'at'>

export interface AuditFilter {
  /** Id of the principal. */
  readonly principal?: string
  readonly action?: string
  readonly resource?: string
  readonly name?: string
  readonly outcome?: AuditOutcome
  /** ISO 8601, from and including. */
  readonly since?: string
  /** ISO 8601, up to and excluding. */
  readonly until?: string
}

/** The audit log. What resolved is durable. */
export interface AuditLog {
  /** Before the change: where this fails nothing is done. Resolves with the id of the entry. */
  add(entry: NewAuditEntry): Promise<string>
  /** After it. */
  end(id: string, end: Pick<AuditEntry, 'outcome' | 'status' | 'error' | 'name'>): Promise<void>
  /** The newest first. Throws `cursor_invalid`. */
  list(page: PageRequest & AuditFilter): Promise<Page<AuditEntry>>
}
