import type { CallOptions } from './options.ts'
import type { Sandbox, SandboxRows, SandboxSummary } from './documents.ts'
import { allOf, type Ask } from './requests.ts'

// ---------------------------------------------------------------------------------------------------
// Sandboxes
// ---------------------------------------------------------------------------------------------------

export interface Sandboxes {
  /** The sandboxes of a connection, newest first. */
  list(connection: string, options?: CallOptions): AsyncGenerator<SandboxSummary, void>
  get(connection: string, id: string, options?: CallOptions): Promise<Sandbox>
  /** The rows of its report, by stream; they are deleted with its schema. */
  rows(connection: string, id: string, options?: CallOptions): Promise<SandboxRows>
  /** Its token becomes invalid. */
  delete(connection: string, id: string, options?: CallOptions): Promise<void>
}

function sandboxesOf(ask: Ask): Sandboxes {
  const listPath = (connection: string): string =>
    `/connections/${encodeURIComponent(connection)}/sandboxes`
  const pathOf = (connection: string, id: string): string =>
    `${listPath(connection)}/${encodeURIComponent(id)}`
  return {
    list: (connection, call) =>
      allOf(ask, { method: 'GET', path: listPath(connection), repeat: 'always', call }),
    get: (connection, id, call) =>
      ask({ method: 'GET', path: pathOf(connection, id), repeat: 'always', call }),
    rows: (connection, id, call) =>
      ask({ method: 'GET', path: `${pathOf(connection, id)}/rows`, repeat: 'always', call }),
    delete: (connection, id, call) =>
      ask({ method: 'DELETE', path: pathOf(connection, id), repeat: 'never', call }),
  }
}

export { sandboxesOf }
