import type { Page, PageRequest } from '../lists.ts'
import type { AuditEntry, AuditFilter, AuditPrincipal } from './schema.ts'

/** Logging in, which no policy decides: whoever tries it is nobody yet. */
export const loginAction = 'logins:create'

/** What was given as e-mail is not kept: it may be a password. */
export const nobody: AuditPrincipal = {
  id: 'nobody',
  kind: 'nobody',
  name: 'nobody',
  via: 'password',
}

export type NewAuditEntry = Omit<AuditEntry, 'id' | 'at'>

export type AuditEnd = Pick<AuditEntry, 'outcome' | 'status' | 'error' | 'name' | 'details'>

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
