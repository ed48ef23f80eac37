import type { CallOptions, CreateOptions } from './options.ts'
import type { Connection, ConnectionSummary, FinishedSandbox, Promotion } from './documents.ts'
import { instance } from './instance.ts'
import { allOf, type Ask } from './requests.ts'
import { streamBinding, streamText, type StreamChoice, type StreamName } from './streams.ts'

// ---------------------------------------------------------------------------------------------------
// Connections
// ---------------------------------------------------------------------------------------------------

export interface NewConnection {
  readonly name: string
  /** Default: all streams. */
  readonly streams?: readonly (StreamName | StreamChoice)[]
  /** `data:DATASET`, `postgres:NAME` or `topic:NAME`. */
  readonly destination: string
  readonly schedule?: Connection['schedule']
  readonly options?: Connection['options']
  /** True: it may run at once. Default: only after a sandbox of it is promoted, or it is activated. */
  readonly activate?: boolean
}

/** Omitted fields do not change. */
export type ConnectionChanges = Partial<
  Pick<NewConnection, 'streams' | 'destination' | 'schedule' | 'options'>
>

export interface ChangeOptions extends CallOptions {
  /**
   * The `version` that the change is based on: if there is a later one, the change is refused
   * (`version_conflict`). Default: any.
   */
  readonly ifVersion?: number | undefined
}

export interface SandboxOptions extends CallOptions {
  /** Records read of each stream at most; default 100. */
  readonly limitRows?: number
  /** Only these streams: the sandbox cannot be promoted then. */
  readonly streams?: readonly StreamName[]
}

export interface RangeReset {
  readonly streams: readonly StreamName[]
  readonly from?: string
  readonly to?: string
  /** True: also streams with `append`, whose rows are then in the table twice. */
  readonly doubleRows?: boolean
  /** True: nothing is changed, and the result shows what would be. */
  readonly dryRun?: boolean
}

export interface RangeResult {
  readonly streams: readonly {
    readonly name: string
    readonly namespace: string | null
    readonly cursor_field: string
    readonly from: string | null
    readonly to: string | null
    readonly destination_sync_mode: string
  }[]
  readonly dry_run: boolean
}

export interface Connections {
  /** The connections of this instance, by name, without their streams. */
  list(
    options?: CallOptions & { readonly status?: Connection['status'] },
  ): AsyncGenerator<ConnectionSummary, void>
  /** Binds streams of this instance to a destination. */
  create(connection: NewConnection, options?: CreateOptions): Promise<Connection>
  get(name: string, options?: CallOptions): Promise<Connection>
  update(name: string, changes: ConnectionChanges, options?: ChangeOptions): Promise<Connection>
  /** Deletes its runs too; the tables or topics and their rows stay. */
  delete(name: string, options?: ChangeOptions): Promise<void>
  /**
   * Reports what a run would change, and changes nothing. Takes as long as the reading: up to two minutes.
   */
  sandbox(name: string, options?: SandboxOptions): Promise<FinishedSandbox>
  /**
   * Activates it and starts the first run, with the `promote_token` of a sandbox, if nothing has changed
   * since.
   */
  promote(name: string, token: string, options?: CallOptions): Promise<Promotion>
  /** Activates it without a sandbox. */
  activate(name: string, options?: CallOptions): Promise<Connection>
  /** Its schedule starts no runs until it is resumed. */
  pause(name: string, options?: CallOptions): Promise<Connection>
  resume(name: string, options?: CallOptions): Promise<Connection>
  /** Forgets the checkpoints of these streams, or of all: the next run reads them from the beginning. */
  reset(
    name: string,
    options?: CallOptions & { readonly streams?: readonly StreamName[] },
  ): Promise<void>
  /**
   * The next run reads a range of the cursor of these streams again, and then goes on where it was. One of
   * `from` and `to` is needed; both are inclusive.
   */
  resetRange(name: string, range: RangeReset, options?: CallOptions): Promise<RangeResult>
  /** Changes of the source that the last run found and that are not approved; null if there are none. */
  drift(name: string, options?: CallOptions): Promise<Connection['drift']>
  /** Approves the schema that a run found: the `fingerprint` of its drift, and nothing later. */
  approve(name: string, fingerprint: string, options?: CallOptions): Promise<Connection>
}

function connectionsOf(ask: Ask): Connections {
  const pathOf = (name: string): string => `/connections/${encodeURIComponent(name)}`
  const get = (name: string, call?: CallOptions): Promise<Connection> =>
    ask({ method: 'GET', path: pathOf(name), repeat: 'always', call })
  /** Calls that have the same effect if they are repeated. */
  const post = <Answer>(path: string, call?: CallOptions, body?: object): Promise<Answer> =>
    ask({ method: 'POST', path, body, repeat: 'always', call })
  return {
    list: ({ status, ...call } = {}) => {
      const query = { instance: instance.name, status }
      return allOf(ask, { method: 'GET', path: '/connections', query, repeat: 'always', call })
    },
    create: ({ streams, ...connection }, call) => {
      const body = { ...connection, from: instance.name, ...bindings(streams) }
      return ask({ method: 'POST', path: '/connections', body, repeat: 'with key', call })
    },
    get,
    update: (name, { streams, ...changes }, { ifVersion, ...call } = {}) => {
      const body = { ...changes, ...bindings(streams) }
      // If it were repeated under a version, the second call would be refused because of the first.
      const repeat = ifVersion === undefined ? 'always' : 'never'
      return ask({ method: 'PATCH', path: pathOf(name), body, ifVersion, repeat, call })
    },
    // If a lost response were repeated, it would be `connection_not_found`.
    delete: (name, { ifVersion, ...call } = {}) =>
      ask({ method: 'DELETE', path: pathOf(name), ifVersion, repeat: 'never', call }),
    sandbox: (name, { limitRows, streams, ...call } = {}) => {
      const body = { limit_rows: limitRows, streams: streams?.map(streamText) }
      return ask({ method: 'POST', path: `${pathOf(name)}/sandbox`, body, repeat: 'never', call })
    },
    promote: (name, token, call) => {
      const body = { token }
      return ask({ method: 'POST', path: `${pathOf(name)}/promote`, body, repeat: 'never', call })
    },
    activate: (name, call) => post(`${pathOf(name)}/activate`, call),
    pause: (name, call) => post(`${pathOf(name)}/pause`, call),
    resume: (name, call) => post(`${pathOf(name)}/resume`, call),
    reset: (name, { streams, ...call } = {}) =>
      post(`${pathOf(name)}/reset`, call, { streams: streams?.map(streamText) }),
    resetRange: (name, { streams, doubleRows, dryRun, ...range }, call) => {
      const body = {
        ...range,
        streams: streams.map(streamText),
        double_rows: doubleRows,
        dry_run: dryRun,
      }
      return post(`${pathOf(name)}/reset-range`, call, body)
    },
    drift: async (name, call) => (await get(name, call)).drift,
    // The same approval again would be refused as outdated.
    approve: (name, fingerprint, call) => {
      const body = { fingerprint }
      return ask({ method: 'POST', path: `${pathOf(name)}/approve`, body, repeat: 'never', call })
    },
  }
}

function bindings(streams: NewConnection['streams']): { readonly streams?: readonly object[] } {
  return streams === undefined ? {} : { streams: streams.map(streamBinding) }
}

export { connectionsOf }
