import type { AirbyteCatalog, ErrorBody } from '../../../protocol/index.ts'
import type { PromotionBinding } from '../../sandbox/promotion-binding.ts'
import type { Page, PageRequest } from '../../contract/lists.ts'
import type { Run } from '../../contract/runs.ts'
import type { Sandbox, SandboxFindings, SandboxSummary } from '../../contract/sandboxes.ts'

/**
 * Sandboxes: what each found, what its token is bound to, and whether its schema is still at the destination. Never a token (its
 * hash), never a row.
 */
export interface SandboxStore {
  /**
   * One that runs. The oldest of the connection and the principal beyond `keptOfPrincipal` expire. Throws `connection_not_found`, `sandbox_active`
   * where one of the connection runs.
   */
  create(input: NewKeptSandbox): Promise<SandboxSummary>
  /** Says that it is still worked on; false: it was deleted or taken for dead, stop. */
  beat(id: string): Promise<boolean>
  /** It has ended. Null where it was deleted or taken for dead meanwhile. */
  end(id: string, outcome: SandboxOutcome): Promise<SandboxSummary | null>
  /** Throws `sandbox_not_found`. */
  get(connection: string, id: string): Promise<Sandbox>
  /** The newest first. Throws `connection_not_found`. */
  list(connection: string, page: PageRequest): Promise<Page<SandboxSummary>>
  /** What stands for the token of a sandbox; null where there is none. */
  findToken(connectionId: string, id: string): Promise<KeptToken | null>
  /**
   * In one step: the token is used, the connection is active and its catalog approved, and its run is queued. Throws
   * `promote_token_used`, `promote_token_expired`, `version_conflict` (the connection changed), `run_active`; then nothing changed.
   */
  promote(promotion: KeptPromotion): Promise<Run>
  /**
   * It is of no connection any more, so it is to be dropped: where it `runs`, by who runs it, who hears of it at the next beat.
   * Throws `sandbox_not_found`.
   */
  release(connection: string, id: string): Promise<SandboxPlace & { readonly runs: boolean }>
  /** The sandbox of the connection that runs; null where none does. */
  running(connection: string): Promise<string | null>
  /** The place of its schema; null where it is dropped, or on its way. Throws `sandbox_not_found`. */
  place(connection: string, id: string): Promise<SandboxPlace | null>
  /** What it showed is outdated: its token is good for nothing, its schema is to be dropped. */
  replace(id: string, by: string): Promise<void>
  /** Those that run without a beat for `staleMs`, with their connections; null: it is gone. */
  stale(
    staleMs: number,
  ): Promise<readonly { readonly id: string; readonly connection: string | null }[]>
  /** One of them fails, where it still is stale. */
  endStale(id: string, staleMs: number, error: ErrorBody): Promise<void>
  /** Those whose schema is to be dropped: expired, failed, promoted, or without their connection. */
  toDrop(limit: number): Promise<readonly SandboxPlace[]>
  /** Its schema is gone. */
  noteDropped(id: string): Promise<void>
  /** Those of the ids that still have their time: their schemas stay. */
  alive(ids: readonly string[]): Promise<readonly string[]>
  /** The destinations of connections and of sandboxes that are to be dropped. */
  destinations(): Promise<readonly string[]>
}

export interface NewKeptSandbox {
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

export interface KeptToken {
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

export interface KeptPromotion {
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
