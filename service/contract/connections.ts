import type { Page, PageRequest, ShownOnly, Versioned } from './lists.ts'
import type { RunSummary } from './runs.ts'
import type { SchemaDrift, SchemaDriftPolicy } from './schema-drift.ts'

export interface StreamBinding {
  readonly name: string
  readonly namespace?: string
  readonly syncMode?: 'full_refresh' | 'incremental'
  readonly destinationSyncMode?: 'append' | 'overwrite' | 'append_dedup' | 'overwrite_dedup'
  readonly cursorField?: string
  readonly primaryKey?: readonly string[]
}

export interface ConnectionInput {
  readonly name: string
  /** The instance that is read. */
  readonly from: string
  /** Absent: every stream, as the connector suggests it. */
  readonly streams?: readonly StreamBinding[]
  /** `data:DATASET`, `postgres:NAME`; others exist in name only: `destination_not_available`. */
  readonly destination: string
  readonly schedule?: Schedule | null
  readonly options?: ConnectionOptions
  /** Its schedule fires and its runs start at once, without a sandbox that was promoted. Default false. */
  readonly activate?: boolean
}

/** What of a connection can be changed later. */
export type ConnectionUpdate = Partial<Omit<ConnectionInput, 'name' | 'from' | 'activate'>>

export interface Schedule {
  /** Five fields. */
  readonly cron: string
  /** IANA name; UTC where nothing is said. */
  readonly timezone?: string
  /** What happens to times that passed while the service was down: run once, or skip. Default skip. */
  readonly catchUp?: 'once' | 'skip'
}

export interface ConnectionOptions {
  readonly metadata?: 'full' | 'minimal'
  readonly deletes?: 'hard' | 'soft'
  readonly log?: 'embedded' | 'kafka'
  readonly framing?: 'block' | 'record'
  /** What a run does where the source's schema is not the approved one. Default `propagate`. */
  readonly schemaDrift?: SchemaDriftPolicy
}

export interface Connection extends Versioned {
  readonly id: string
  readonly name: string
  readonly from: string
  readonly streams: readonly StreamBinding[] | null
  readonly destination: string
  readonly schedule: Schedule | null
  readonly options: ConnectionOptions
  /** inactive: new, and neither promoted nor activated: it runs neither by its schedule nor by hand. */
  readonly status: 'inactive' | 'active' | 'paused'
  readonly nextRunAt: string | null
  readonly lastRun: RunSummary | null
  /** Null where the last run saw what was approved, or followed the source. */
  readonly drift: SchemaDrift | null
}

export interface ConnectionService {
  /** Checks the streams against a discovery of the instance. Throws `name_taken`, `instance_not_found`, `stream_not_found`, … */
  create(input: ConnectionInput): Promise<Connection>
  get(name: string): Promise<Connection>
  list(
    page: PageRequest &
      ShownOnly & { readonly instance?: string; readonly status?: Connection['status'] },
  ): Promise<Page<Connection>>
  update(name: string, input: ConnectionUpdate, ifVersion?: number): Promise<Connection>
  /** Lets it run, without a sandbox; also a paused one. What is active stays as it is. */
  activate(name: string): Promise<Connection>
  /** A paused connection starts no run by its schedule; a run that goes on goes on. Throws `connection_inactive`. */
  setPaused(name: string, paused: boolean): Promise<Connection>
  /** Throws `connection_has_active_run`. Tables at the destination stay. */
  delete(name: string, ifVersion?: number): Promise<void>
  /**
   * Approves the schema that a run saw (`drift.fingerprint`): the next run goes by it. Approving it again changes nothing.
   * Throws `schema_drift_outdated` for any other: nothing that came later is approved by accident.
   */
  approve(name: string, fingerprint: string): Promise<Connection>
  /** Forgets the checkpoints of all streams, or of some: the next run reads them from the beginning. */
  reset(name: string, streams?: readonly string[]): Promise<void>
}
