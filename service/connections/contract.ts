import type { AirbyteCatalog } from '../../protocol/index.ts'
import type { Page, PageRequest, ShownOnly } from '../platform/lists.ts'
import type {
  Connection,
  ConnectionInput,
  ConnectionSummary,
  ConnectionUpdate,
  RangeInput,
  RangeResult,
} from './schema.ts'

export interface ConnectionService {
  /**
   * Checks the streams against a discovery of the instance. Throws `name_taken`, `instance_not_found`,
   * `stream_not_found`, …
   */
  create(input: ConnectionInput): Promise<Connection>
  get(name: string): Promise<Connection>
  list(
    page: PageRequest &
      ShownOnly & { readonly instance?: string; readonly status?: Connection['status'] },
  ): Promise<Page<ConnectionSummary>>
  update(name: string, input: ConnectionUpdate, ifVersion?: number): Promise<Connection>
  /** Allows it to run, without a sandbox; also a paused one. An active connection does not change. */
  activate(name: string): Promise<Connection>
  /**
   * The schedule of a paused connection starts no runs; an active run continues. Throws
   * `connection_inactive`.
   */
  setPaused(name: string, paused: boolean): Promise<Connection>
  /** Throws `connection_has_active_run`. Tables at the destination stay. */
  delete(name: string, ifVersion?: number): Promise<void>
  /**
   * Approves the schema that a run found (`drift.fingerprint`): the next run uses it. Approving it again
   * changes nothing. Throws `schema_drift_outdated` for any other fingerprint: a later change is never
   * approved by accident.
   */
  approve(name: string, fingerprint: string): Promise<Connection>
  /** Forgets the checkpoints of all streams, or of some: the next run reads them from the beginning. */
  reset(name: string, streams?: readonly string[]): Promise<void>
  /**
   * The next run reads a range of the cursor of these streams again, and then goes on where it was. Throws
   * `stream_range_invalid`.
   */
  resetRange(name: string, input: RangeInput): Promise<RangeResult>
}

export interface ConnectionStore {
  /** Throws `name_taken`, `instance_not_found`. */
  create(input: NewConnection): Promise<Connection>
  /** Throws `connection_not_found`. */
  get(name: string): Promise<Connection>
  /** By name, ascending; the last run of each is included. */
  list(
    page: PageRequest &
      ShownOnly & {
        readonly instance?: string
        readonly destination?: string
        readonly status?: Connection['status']
      },
  ): Promise<Page<ConnectionSummary>>
  /** Throws `connection_not_found`, `version_conflict`. */
  update(name: string, change: ConnectionChange, ifVersion?: number): Promise<Connection>
  /**
   * Its runs and their logs go too. Throws `connection_not_found`, `version_conflict`,
   * `connection_has_active_run`.
   */
  delete(name: string, ifVersion?: number): Promise<Connection>
  /** Those of the names that no connection has. */
  missing(names: readonly string[]): Promise<readonly string[]>
  /**
   * Moves `nextRunAt` from `from` to `to`; false if it is no longer `from`, or the connection is paused. So
   * only one of several schedulers acts. The version stays, so that edits by users do not conflict with the
   * clock.
   */
  moveNextRun(id: string, from: string | null, to: string | null): Promise<boolean>
}

export type NewConnection = Omit<
  ConnectionInput,
  'activate' | 'streams' | 'destination' | 'schedule' | 'options'
> &
  Pick<Connection, 'streams' | 'destination' | 'schedule' | 'options' | 'status' | 'nextRunAt'> & {
    /** The selected streams as the source has them. */
    readonly approvedCatalog?: AirbyteCatalog
  }

export type ConnectionChange = Partial<Omit<NewConnection, 'name' | 'from'>>
