import type { AirbyteCatalog, ErrorBody } from '../../protocol/index.ts'
import type { Connection } from '../connections/schema.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type { Run } from '../runs/schema.ts'
import type { Moved, PromotionBinding } from './promotion-binding.ts'
import type {
  FinishedSandbox,
  Sandbox,
  SandboxFindings,
  SandboxSummary,
  StreamRows,
} from './schema.ts'

/**
 * Previews a connection before anything is changed. A sandbox reads some rows into a temporary schema at the
 * destination and reports what a run would change; its promote token allows exactly these changes, once.
 */
export interface SandboxService {
  /**
   * Runs a sandbox to its end, which takes seconds to a minute or two; its schema then stays until it
   * expires. Throws `connection_not_found`, `stream_not_found`, `sandbox_active`, `sandbox_limit_reached`,
   * `sandbox_timed_out`, and errors that a run of the connection would fail with before it reads.
   */
  run(connection: string, input: SandboxInput): Promise<FinishedSandbox>
  /** Throws `sandbox_not_found`. */
  get(connection: string, id: string): Promise<Sandbox>
  /** Newest first. Throws `connection_not_found`. */
  list(connection: string, page: PageRequest): Promise<Page<SandboxSummary>>
  /**
   * The rows that its report shows, from its schema at the destination. Throws `sandbox_not_found`, and
   * `sandbox_rows_gone` if the schema was dropped, or the sandbox has not ended well.
   */
  rows(connection: string, id: string): Promise<readonly StreamRows[]>
  /**
   * Deletes its rows at the destination, and invalidates its token; a running sandbox is stopped. Throws
   * `sandbox_not_found`, and `sandbox_of_another` if `onlyOf` names another principal than the one that ran
   * it.
   */
  delete(connection: string, id: string, options?: { readonly onlyOf?: string }): Promise<void>
  /**
   * Activates the connection and queues its first run, if nothing has changed since the sandbox. Throws
   * `promote_token_invalid` (tampered with, or of another connection or principal), `promote_token_used`,
   * `promote_token_expired`, `promote_token_replaced` (outdated, as an earlier promotion has found),
   * `run_active`.
   */
  promote(connection: string, input: PromoteInput): Promise<Promotion>
}

export interface SandboxInput {
  /** Records read of each stream at most. */
  readonly limitRows: number
  /** Their names; default: all of the connection. */
  readonly streams?: readonly string[]
  /** Id of the calling principal: nobody else may promote it. */
  readonly principal: string
}

export interface PromoteInput {
  readonly token: string
  /** Id of the calling principal. */
  readonly principal: string
}

/** `sandbox`: the id of the sandbox with the token. */
export type Promotion = { readonly sandbox: string } & (
  | { readonly state: 'promoted'; readonly connection: Connection; readonly run: Run }
  | {
      readonly state: 'outdated'
      readonly moved: readonly Moved[]
      /** The changes that a run would make now, with a new token; or why these could not be found. */
      readonly again: { readonly sandbox: FinishedSandbox } | { readonly error: ErrorBody }
    }
)

/**
 * Sandboxes: their reports, the state that their token is bound to, and whether their schema is still at the
 * destination. Never a token (only its hash), never a row.
 */
export interface SandboxStore {
  /**
   * Adds a running sandbox. The oldest ones of the connection and the principal beyond `keptOfPrincipal`
   * expire. Throws `connection_not_found`, `sandbox_active` if a sandbox of the connection is running.
   */
  create(input: NewStoredSandbox): Promise<SandboxSummary>
  /** Reports that it is still running; false: it was deleted or considered dead, stop. */
  beat(id: string): Promise<boolean>
  /** Stores its end. Null if it was deleted or considered dead in the meantime. */
  end(id: string, outcome: SandboxOutcome): Promise<SandboxSummary | null>
  /** Throws `sandbox_not_found`. */
  get(connection: string, id: string): Promise<Sandbox>
  /** Newest first. Throws `connection_not_found`. */
  list(connection: string, page: PageRequest): Promise<Page<SandboxSummary>>
  /** The data that the token of a sandbox is checked against; null if there is none. */
  findToken(connectionId: string, id: string): Promise<StoredToken | null>
  /**
   * In one step: marks the token as used, activates the connection, approves its catalog, and queues its run.
   * Throws `promote_token_used`, `promote_token_expired`, `version_conflict` (the connection changed),
   * `run_active`; nothing is then changed.
   */
  promote(promotion: StoredPromotion): Promise<Run>
  /**
   * Separates it from its connection, so that it is dropped: if it `runs`, by the process that runs it, which
   * learns of it at its next heartbeat. Throws `sandbox_not_found`.
   */
  release(connection: string, id: string): Promise<SandboxPlace & { readonly runs: boolean }>
  /** The running sandbox of the connection; null if there is none. */
  running(connection: string): Promise<string | null>
  /** The place of its schema; null if it is dropped, or about to be. Throws `sandbox_not_found`. */
  place(connection: string, id: string): Promise<SandboxPlace | null>
  /** Its report is outdated: its token becomes invalid, its schema will be dropped. */
  replace(id: string, by: string): Promise<void>
  /**
   * Sandboxes that are running without a heartbeat for `staleMs`, with their connections; null: the
   * connection is gone.
   */
  findStale(
    staleMs: number,
  ): Promise<readonly { readonly id: string; readonly connection: string | null }[]>
  /** Marks one of them as failed, if it is still stale. */
  endStale(id: string, staleMs: number, error: ErrorBody): Promise<void>
  /** Sandboxes whose schema has to be dropped: expired, failed, promoted, or without their connection. */
  toDrop(limit: number): Promise<readonly SandboxPlace[]>
  /** Its schema is gone. */
  noteDropped(id: string): Promise<void>
  /** The given ids that have not expired: their schemas stay. */
  findAlive(ids: readonly string[]): Promise<readonly string[]>
  /** The destinations of connections, and of sandboxes that have to be dropped. */
  destinations(): Promise<readonly string[]>
}

export interface NewStoredSandbox {
  readonly id: string
  readonly connection: string
  /** The present destination of the connection: it may have changed when the sandbox is dropped. */
  readonly destination: string
  readonly principal: string
  readonly limitRows: number
  readonly lifetimeMs: number
}

export type SandboxOutcome =
  | {
      readonly status: 'ready'
      readonly report: SandboxFindings
      readonly token: { readonly hash: Buffer; readonly binding: PromotionBinding } | null
    }
  | { readonly status: 'failed'; readonly error: ErrorBody }

export interface StoredToken {
  readonly hash: Buffer
  readonly binding: PromotionBinding
  readonly expiresAt: string
  readonly hasExpired: boolean
  /** The run that it started, if it was promoted. */
  readonly promotedRun: string | null
  /** The newer sandbox that has replaced it, because its report is outdated. */
  readonly replacedBy: string | null
  readonly limitRows: number
}

export interface StoredPromotion {
  readonly sandbox: string
  readonly tokenHash: Buffer
  readonly connection: { readonly id: string; readonly name: string; readonly version: number }
  readonly catalog: AirbyteCatalog
  /** The next run of a connection that becomes active. */
  readonly nextRunAt: string | null
}

export interface SandboxPlace {
  readonly id: string
  readonly destination: string
}

/**
 * Only the newest schemas of one connection and one principal stay, so that repeated sandboxes do not fill
 * the disk.
 */
export const keptOfPrincipal = 10
