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
 * Trying a connection out before anything is changed. A sandbox reads some rows into a schema of its own at the
 * destination and says what a run would change; its promote token lets exactly that happen, once.
 */
export interface SandboxService {
  /**
   * Runs a sandbox to its end, in seconds to a minute or two; then its schema stays until it expires. Throws
   * `connection_not_found`, `stream_not_found`, `sandbox_active`, `sandbox_limit_reached`, `sandbox_timed_out`, and what a run of
   * the connection would fail with before it reads.
   */
  run(connection: string, input: SandboxInput): Promise<FinishedSandbox>
  /** Throws `sandbox_not_found`. */
  get(connection: string, id: string): Promise<Sandbox>
  /** The newest first. Throws `connection_not_found`. */
  list(connection: string, page: PageRequest): Promise<Page<SandboxSummary>>
  /**
   * The rows that its report shows, from its schema at the destination. Throws `sandbox_not_found`, and `sandbox_rows_gone` if the
   * schema was dropped, or the sandbox has not ended well.
   */
  rows(connection: string, id: string): Promise<readonly StreamRows[]>
  /**
   * Its rows at the destination go, and its token is worth nothing any more; one that runs is stopped. Throws `sandbox_not_found`, and
   * `sandbox_of_another` if `onlyOf` names another principal than the one that ran it.
   */
  delete(connection: string, id: string, options?: { readonly onlyOf?: string }): Promise<void>
  /**
   * Activates the connection and queues its first run, if nothing has moved since the sandbox. Throws `promote_token_invalid`
   * (tampered, of another connection or principal), `promote_token_used`, `promote_token_expired`, `promote_token_replaced` (what it stands
   * for is outdated, as an earlier promotion has said), `run_active`.
   */
  promote(connection: string, input: PromoteInput): Promise<Promotion>
}

export interface SandboxInput {
  /** Records read of each stream at most. */
  readonly limitRows: number
  /** Their names; all of the connection if left out. */
  readonly streams?: readonly string[]
  /** Id of the principal that asks: nobody else may promote it. */
  readonly principal: string
}

export interface PromoteInput {
  readonly token: string
  /** Id of the principal that asks. */
  readonly principal: string
}

/** `sandbox`: the id of the one whose token it was. */
export type Promotion = { readonly sandbox: string } & (
  | { readonly state: 'promoted'; readonly connection: Connection; readonly run: Run }
  | {
      readonly state: 'outdated'
      readonly moved: readonly Moved[]
      /** What a run would change now, with a new token; or why that could not be told. */
      readonly again: { readonly sandbox: FinishedSandbox } | { readonly error: ErrorBody }
    }
)

/**
 * Sandboxes: what each found, what its token is bound to, and whether its schema is still at the destination. Never a token (its
 * hash), never a row.
 */
export interface SandboxStore {
  /**
   * One that runs. The oldest of the connection and the principal beyond `keptOfPrincipal` expire. Throws `connection_not_found`, `sandbox_active`
   * if one of the connection runs.
   */
  create(input: NewStoredSandbox): Promise<SandboxSummary>
  /** Says that it is still worked on; false: it was deleted or taken for dead, stop. */
  beat(id: string): Promise<boolean>
  /** It has ended. Null if it was deleted or taken for dead meanwhile. */
  end(id: string, outcome: SandboxOutcome): Promise<SandboxSummary | null>
  /** Throws `sandbox_not_found`. */
  get(connection: string, id: string): Promise<Sandbox>
  /** The newest first. Throws `connection_not_found`. */
  list(connection: string, page: PageRequest): Promise<Page<SandboxSummary>>
  /** What stands for the token of a sandbox; null if there is none. */
  findToken(connectionId: string, id: string): Promise<StoredToken | null>
  /**
   * In one step: the token is used, the connection is active and its catalog approved, and its run is queued. Throws
   * `promote_token_used`, `promote_token_expired`, `version_conflict` (the connection changed), `run_active`; then nothing changed.
   */
  promote(promotion: StoredPromotion): Promise<Run>
  /**
   * It is of no connection any more, so it is to be dropped: where it `runs`, by who runs it, who hears of it at the next beat.
   * Throws `sandbox_not_found`.
   */
  release(connection: string, id: string): Promise<SandboxPlace & { readonly runs: boolean }>
  /** The sandbox of the connection that runs; null if none does. */
  running(connection: string): Promise<string | null>
  /** The place of its schema; null if it is dropped, or on its way. Throws `sandbox_not_found`. */
  place(connection: string, id: string): Promise<SandboxPlace | null>
  /** What it showed is outdated: its token is good for nothing, its schema is to be dropped. */
  replace(id: string, by: string): Promise<void>
  /** Those that run without a beat for `staleMs`, with their connections; null: it is gone. */
  findStale(
    staleMs: number,
  ): Promise<readonly { readonly id: string; readonly connection: string | null }[]>
  /** One of them fails, if it still is stale. */
  endStale(id: string, staleMs: number, error: ErrorBody): Promise<void>
  /** Those whose schema is to be dropped: expired, failed, promoted, or without their connection. */
  toDrop(limit: number): Promise<readonly SandboxPlace[]>
  /** Its schema is gone. */
  noteDropped(id: string): Promise<void>
  /** Those of the ids that still have their time: their schemas stay. */
  findAlive(ids: readonly string[]): Promise<readonly string[]>
  /** The destinations of connections and of sandboxes that are to be dropped. */
  destinations(): Promise<readonly string[]>
}

export interface NewStoredSandbox {
  readonly id: string
  readonly connection: string
  /** Of the connection by now: it may be another one when the sandbox is dropped. */
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
  /** The run that it started: it is used. */
  readonly promotedRun: string | null
  /** The newer sandbox that stands in its place: what it showed is outdated. */
  readonly replacedBy: string | null
  readonly limitRows: number
}

export interface StoredPromotion {
  readonly sandbox: string
  readonly tokenHash: Buffer
  readonly connection: { readonly id: string; readonly name: string; readonly version: number }
  readonly catalog: AirbyteCatalog
  /** Of a connection that becomes active. */
  readonly nextRunAt: string | null
}

export interface SandboxPlace {
  readonly id: string
  readonly destination: string
}

/** Whoever tries out again and again fills no disk: of the schemas of one connection and one principal the newest stay. */
export const keptOfPrincipal = 10
