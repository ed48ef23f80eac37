import type { Page, PageRequest } from '../contract/lists.ts'
import type { Principal, PrincipalKind } from './principal.ts'

/**
 * What became of it. begun: it is going on, or the process died at it; whether it happened is not known. replayed: it was done
 * before, under the same `Idempotency-Key`, and nothing happened now.
 */
export const auditOutcomes = ['begun', 'done', 'failed', 'denied', 'replayed'] as const
export type AuditOutcome = (typeof auditOutcomes)[number]

/** Logging in, which no policy decides: whoever tries it is nobody yet. */
export const loginAction = 'logins:create'

/** Who did it. Of a login: whose e-mail was given, whether or not the password was right; `nobody` if it is nobody's. */
export interface AuditPrincipal {
  readonly id: string
  readonly kind: PrincipalKind | 'nobody'
  readonly name: string
  readonly via: Principal['via'] | 'password'
}

/** What was given as e-mail is not kept: it may be a password. */
export const nobody: AuditPrincipal = {
  ...{ id: 'nobody', kind: 'nobody', name: 'nobody', via: 'password' },
}

/** What else is known of it. */
export interface AuditDetails {
  /** Id of the sandbox that it ran or promoted. */
  readonly sandbox?: string
  /** Id of the run that it started. */
  readonly run?: string
  /** How many failed logins the entry stands for. */
  readonly attempts?: number
}

/** Who did what to what, or tried to. Never a body, a secret or a token. */
export interface AuditEntry {
  /** A ULID with the prefix `aud_`: sorts by time. */
  readonly id: string
  /** ISO 8601. */
  readonly at: string
  /** Null: a browser that came back from an authorization. */
  readonly principal: AuditPrincipal | null
  readonly action: string
  /** `instance`, `connection`, `api-key`, …: the first part of the action. */
  readonly resource: string
  /** Of the resource; null where there is none, or it was not known. */
  readonly name: string | null
  /** Method and path, without a query. */
  readonly request: string
  readonly requestId: string
  /** Of the client, as the service sees it; `several` if the entry stands for attempts from several. */
  readonly address: string
  readonly outcome: AuditOutcome
  /** HTTP status of the answer; null while it is not given. */
  readonly status: number | null
  /** Code of the error; null where there was none. */
  readonly error: string | null
  readonly details: AuditDetails | null
}

export type NewAuditEntry = Omit<AuditEntry, 'id' | 'at'>

export type AuditEnd = Pick<AuditEntry, 'outcome' | 'status' | 'error' | 'name' | 'details'>

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
  end(id: string, end: AuditEnd): Promise<void>
  /** Adds the entry, with `attempts` 1; if there is one under the same key, that counts one attempt more instead. */
  count(entry: NewAuditEntry, key: string): Promise<void>
  /** The newest first. Throws `cursor_invalid`. */
  list(page: PageRequest & AuditFilter): Promise<Page<AuditEntry>>
}
