import type { CallOptions, CreateOptions } from './options.ts'
import type { Connection, FinishedSandbox, Promotion } from './documents.ts'
import { instance } from './instance.ts'
import { allOf, type Ask } from './requests.ts'
import { streamBinding, streamText, type StreamChoice, type StreamName } from './streams.ts'

// ---------------------------------------------------------------------------------------------------
// Connections
// ---------------------------------------------------------------------------------------------------

export interface NewConnection {
  readonly name: string
  /** Left out: every stream. */
  readonly streams?: readonly (StreamName | StreamChoice)[]
  /** `data:DATASET` or `postgres:NAME`. */
  readonly destination: string
  readonly schedule?: Connection['schedule']
  readonly options?: Connection['options']
  /** True: it may run at once. Left out: not before a sandbox of it is promoted, or it is activated. */
  readonly activate?: boolean
}

/** What is left out stays. */
export type ConnectionChanges = Partial<
  Pick<NewConnection, 'streams' | 'destination' | 'schedule' | 'options'>
>

export interface ChangeOptions extends CallOptions {
  /** The `version` that the change is based on: a later one refuses it (`version_conflict`). Left out: any. */
  readonly ifVersion?: number | undefined
}

export interface SandboxOptions extends CallOptions {
  /** Records read of each stream at most; default 100. */
  readonly limitRows?: number
  /** Only these: what it finds cannot be promoted then. */
  readonly streams?: readonly StreamName[]
}

export interface Connections {
  /** Those of this instance, by their names. */
  list(
    options?: CallOptions & { readonly status?: Connection['status'] },
  ): AsyncGenerator<Connection, void>
  /** Binds streams of this instance to a destination. */
  create(connection: NewConnection, options?: CreateOptions): Promise<Connection>
  get(name: string, options?: CallOptions): Promise<Connection>
  update(name: string, changes: ConnectionChanges, options?: ChangeOptions): Promise<Connection>
  /** Its runs go with it; the tables and their rows stay. */
  delete(name: string, options?: ChangeOptions): Promise<void>
  /** Says what a run would change, and changes nothing. Takes as long as it reads: up to two minutes. */
  sandbox(name: string, options?: SandboxOptions): Promise<FinishedSandbox>
  /** Lets it run, and starts the first run: with the `promote_token` of a sandbox, as long as nothing has moved since. */
  promote(name: string, token: string, options?: CallOptions): Promise<Promotion>
  /** Lets it run, without a sandbox. */
  activate(name: string, options?: CallOptions): Promise<Connection>
  /** Its schedule starts no runs until it is resumed. */
  pause(name: string, options?: CallOptions): Promise<Connection>
  resume(name: string, options?: CallOptions): Promise<Connection>
  /** Forgets the checkpoints of these streams, or of all: the next run reads them from the beginning. */
  reset(
    name: string,
    options?: CallOptions & { readonly streams?: readonly StreamName[] },
  ): Promise<void>
  /** What the last run saw of the source that is not approved; null if there is nothing. */
  drift(name: string, options?: CallOptions): Promise<Connection['drift']>
  /** Approves what a run saw: the `fingerprint` of its drift, and nothing later. */
  approve(name: string, fingerprint: string, options?: CallOptions): Promise<Connection>
}

function connectionsOf(ask: Ask): Connections {
  const at = (name: string): string => `/connections/${encodeURIComponent(name)}`
  const get = (name: string, call?: CallOptions): Promise<Connection> =>
    ask({ method: 'GET', path: at(name), repeat: 'always', call })
  /** What it does is the same when it is done twice. */
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
      // Done twice under a version, the second would be refused for what the first has done.
      const repeat = ifVersion === undefined ? 'always' : 'never'
      return ask({ method: 'PATCH', path: at(name), body, ifVersion, repeat, call })
    },
    // An answer that was lost and asked for again would be `connection_not_found`.
    delete: (name, { ifVersion, ...call } = {}) =>
      ask({ method: 'DELETE', path: at(name), ifVersion, repeat: 'never', call }),
    sandbox: (name, { limitRows, streams, ...call } = {}) => {
      const body = { limit_rows: limitRows, streams: streams?.map(streamText) }
      return ask({ method: 'POST', path: `${at(name)}/sandbox`, body, repeat: 'never', call })
    },
    promote: (name, token, call) => {
      const body = { token }
      return ask({ method: 'POST', path: `${at(name)}/promote`, body, repeat: 'never', call })
    },
    activate: (name, call) => post(`${at(name)}/activate`, call),
    pause: (name, call) => post(`${at(name)}/pause`, call),
    resume: (name, call) => post(`${at(name)}/resume`, call),
    reset: (name, { streams, ...call } = {}) =>
      post(`${at(name)}/reset`, call, { streams: streams?.map(streamText) }),
    drift: async (name, call) => (await get(name, call)).drift,
    // Approved already, the same is refused as outdated.
    approve: (name, fingerprint, call) => {
      const body = { fingerprint }
      return ask({ method: 'POST', path: `${at(name)}/approve`, body, repeat: 'never', call })
    },
  }
}

function bindings(streams: NewConnection['streams']): { readonly streams?: readonly object[] } {
  return streams === undefined ? {} : { streams: streams.map(streamBinding) }
}

export { connectionsOf }
