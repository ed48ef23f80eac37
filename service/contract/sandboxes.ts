import type {
  SandboxReport,
  SandboxRows,
  SandboxStream,
} from '../../engine/sandbox/sandbox-report.ts'
import type { ErrorBody, StreamId } from '../../protocol/index.ts'
import type { ChangeDocument } from '../drift/change-document.ts'
import type { Connection } from './connections.ts'
import type { Page, PageRequest } from './lists.ts'
import type { Run } from './runs.ts'
import type { SchemaDriftPolicy } from './schema-drift.ts'

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
   * The rows that its report shows, from its schema at the destination. Throws `sandbox_not_found`, and `sandbox_rows_gone` where the
   * schema was dropped, or the sandbox has not ended well.
   */
  rows(connection: string, id: string): Promise<readonly StreamRows[]>
  /**
   * Its rows at the destination go, and its token is worth nothing any more; one that runs is stopped. Throws `sandbox_not_found`, and
   * `sandbox_of_another` where `onlyOf` names another principal than the one that ran it.
   */
  delete(connection: string, id: string, options?: { readonly onlyOf?: string }): Promise<void>
  /**
   * Activates the connection and queues its first run, where nothing has moved since the sandbox. Throws `promote_token_invalid`
   * (tampered, of another connection or principal), `promote_token_used`, `promote_token_expired`, `promote_token_replaced` (what it stands
   * for is outdated, as an earlier promotion has said), `run_active`.
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
  /** Without rows, which are in no table of the service. Null where it runs or failed. */
  readonly report: SandboxFindings | null
  /** Why it failed. */
  readonly error: ErrorBody | null
}

/** What the one who ran it gets, once. */
export interface FinishedSandbox extends SandboxSummary {
  /** With rows. */
  readonly report: SandboxFindings
  /** Null where it cannot be promoted. */
  readonly promoteToken: string | null
  /** Why there is no token. */
  readonly withheld: TokenWithheld | null
}

/** What a sandbox found, and what of it is not approved yet. */
export interface SandboxFindings extends SandboxReport {
  /** How the source's schema differs from what is approved for the connection; null: not at all. */
  readonly schema_drift: SandboxDrift | null
}

export interface SandboxDrift {
  /** What runs do about it. Promoting approves it under each policy. */
  readonly policy: SchemaDriftPolicy
  /** The first 100; `total` counts them all. */
  readonly changes: readonly ChangeDocument[]
  readonly total: number
  /** Where the policy is `ignore`: what the next run does as long as nobody approves. The report's streams are what promoting does. */
  readonly ignored_run: IgnoredRun | null
}

export interface IgnoredRun {
  /** Those whose schema changed, as they were approved. All others are as in the report. */
  readonly streams: readonly SandboxStream[]
  /** Streams that are not read. */
  readonly unread: readonly StreamId[]
  /** Why a run would fail before it reads. */
  readonly error: ErrorBody | null
}

/** The rows of one stream of a report. */
export interface StreamRows extends SandboxRows, StreamId {}

/** some_streams: it was run for some of the streams only; failed_streams: what some of them would do is not known. */
export type TokenWithheld = 'some_streams' | 'failed_streams'

/** What may have moved between a sandbox and its promotion. */
export type Moved = 'connection' | 'instance' | 'source_schema' | 'destination' | 'run'

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
