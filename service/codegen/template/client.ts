import type { ConnectionStatus, Discovered } from './documents.ts'
import { actionsOf } from './actions.ts'
import { connectionsOf, type Connections } from './connections.ts'
import { instance, type Actions } from './instance.ts'
import { asker } from './requests.ts'
import { runsOf, type Runs } from './runs.ts'
import { sandboxesOf, type Sandboxes } from './sandboxes.ts'

// ---------------------------------------------------------------------------------------------------
// The client
// ---------------------------------------------------------------------------------------------------

/** Which service is asked, and as whom. */
export interface ClientOptions {
  /** `http://127.0.0.1:8007`, without `/connect/v1`. */
  readonly baseUrl: string
  readonly apiKey: string
  /** Asks instead of the global fetch: a proxy, a test. */
  readonly fetch?: typeof fetch | undefined
  /** How often a request is repeated that can be, after a network failure or an answer that says "later"; default 3. */
  readonly retries?: number | undefined
}

export interface CallOptions {
  /** Aborted, it ends the call with its reason. */
  readonly signal?: AbortSignal | undefined
}

export interface CreateOptions extends CallOptions {
  /** The same request under the same key is done once in 24 hours; default: a new key for each call. */
  readonly idempotencyKey?: string | undefined
}

/** Every method throws a ConnectError where the service refuses or cannot be reached. */
export interface Client {
  /** Whether the configuration and the credentials of the instance work. */
  check(options?: CallOptions): Promise<ConnectionStatus>
  /** The streams as the service knows them, at most an hour old; `refresh` asks the source. */
  discover(options?: CallOptions & { readonly refresh?: boolean }): Promise<Discovered>
  // #region actions
  readonly actions: Actions
  // #endregion
  readonly connections: Connections
  readonly sandboxes: Sandboxes
  readonly runs: Runs
}

export function createClient(options: ClientOptions): Client {
  const ask = asker(options)
  const own = `/instances/${instance.name}`
  return {
    check: (call) => ask({ method: 'POST', path: `${own}/check`, repeat: 'always', call }),
    discover: ({ refresh = false, ...call } = {}) =>
      ask({ method: 'POST', path: `${own}/discover`, body: { refresh }, repeat: 'always', call }),
    // #region actions
    actions: actionsOf(ask, own),
    // #endregion
    connections: connectionsOf(ask),
    sandboxes: sandboxesOf(ask),
    runs: runsOf(ask),
  }
}
