import type { Page, PageRequest } from '../lists.ts'
import type { AuditEntry, AuditFilter, AuditPrincipal } from './schema.ts'

/** Logging in, which no policy decides: the caller is not yet a principal. */
export const loginAction = 'logins:create'

/** The e-mail of a failed login is not stored: it may be a password. */
export const nobody: AuditPrincipal = {
  id: 'nobody',
  kind: 'nobody',
  name: 'nobody',
  via: 'password',
}

export type NewAuditEntry = Omit<AuditEntry, 'id' | 'at'>

export type AuditEnd = Pick<AuditEntry, 'outcome' | 'status' | 'error' | 'name' | 'details'>

/** The audit log. When a method resolves, its result is durable. */
export interface AuditLog {
  /** Called before the change: if this fails, nothing is done. Resolves with the id of the entry. */
  add(entry: NewAuditEntry): Promise<string>
  /** Called after the change. */
  end(id: string, end: AuditEnd): Promise<void>
  /**
   * Adds the entry, with `attempts` 1; if there is one under the same key, adds one to its attempts instead.
   */
  count(entry: NewAuditEntry, key: string): Promise<void>
  /** Newest first. Throws `cursor_invalid`. */
  list(page: PageRequest & AuditFilter): Promise<Page<AuditEntry>>
}
