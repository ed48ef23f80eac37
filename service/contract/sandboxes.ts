import type { SandboxReport } from '../../engine/sandbox/sandbox-report.ts'
import type { ErrorBody } from '../../protocol/index.ts'
import type { Connection } from './connections.ts'
import type { Page, PageRequest } from './lists.ts'
import type { Run } from './runs.ts'

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
  /** Its rows at the destination go, and its token is worth nothing any more; one that runs is stopped. Throws `sandbox_not_found`. */
  delete(connection: string, id: string): Promise<void>
  /**
   * Activates the connection and queues its first run, where nothing has moved since the sandbox. Throws `promote_token_invalid`
   * (tampered, of another connection or principal), `promote_token_used`, `promote_token_expired`, `run_active`.
   */
  promote(connection: string, input: PromoteInput): Promise<Promotion>
}

export interface SandboxInput {
  /** Records read of each stream at most. */
  readonly limitRows: number
  /** Their names; all of the connection where left out. */
  readonly streams?: readonly string[]
  /** Id of the principal that asks: nobody else may promote it. */
  readonly principal: string
}

export interface PromoteInput {
  readonly token: string
  /** Id of the principal that asks. */
  readonly principal: string
}

/** expired: its token is worth nothing any more, and its schema is dropped. */
export type SandboxStatus = 'running' | 'ready' | 'failed' | 'promoted' | 'expired'

export interface SandboxSummary {
  /** A ULID with the prefix `sbx_`. */
  readonly id: string
  readonly connection: string
  readonly status: SandboxStatus
  readonly limitRows: number
  /** Id of the principal that ran it. */
  readonly principal: string
  readonly createdAt: string
  readonly expiresAt: string
  /** The run that its token started. */
  readonly promotedRun: string | null
}

export interface Sandbox extends SandboxSummary {
  /** Without sample rows, which are in no table of the service. Null where it runs or failed. */
  readonly report: SandboxReport | null
  /** Why it failed. */
  readonly error: ErrorBody | null
}

/** What the one who ran it gets, once. */
export interface FinishedSandbox extends SandboxSummary {
  /** With sample rows. */
  readonly report: SandboxReport
  /** Null where it cannot be promoted. */
  readonly promoteToken: string | null
  /** Why there is no token. */
  readonly withheld: TokenWithheld | null
}

/** some_streams: it was run for some of the streams only; failed_streams: what some of them would do is not known. */
export type TokenWithheld = 'some_streams' | 'failed_streams'

/** What may have moved between a sandbox and its promotion. */
export type Moved = 'connection' | 'instance' | 'source_schema' | 'destination' | 'run'

export type Promotion =
  | { readonly state: 'promoted'; readonly connection: Connection; readonly run: Run }
  | {
      readonly state: 'outdated'
      readonly moved: readonly Moved[]
      /** What a run would change now, with a new token; or why that could not be told. */
      readonly again: { readonly sandbox: FinishedSandbox } | { readonly error: ErrorBody }
    }
