import type { ConnectionStatus, Discovered } from './documents.ts'
import { actionsOf, dryRunsOf } from './actions.ts'
import { connectionsOf, type Connections } from './connections.ts'
import { instance, type Actions, type DryRuns } from './instance.ts'
import type { CallOptions, ClientOptions } from './options.ts'
import { asker } from './requests.ts'
import { runsOf, type Runs } from './runs.ts'
import { sandboxesOf, type Sandboxes } from './sandboxes.ts'

/** Every method throws a ConnectError if the service refuses or cannot be reached. */
export interface Client {
  /** Whether the configuration and the credentials of the instance work. */
  check(options?: CallOptions): Promise<ConnectionStatus>
  /** The streams as the service knows them, at most an hour old; `refresh` asks the source. */
  discover(options?: CallOptions & { readonly refresh?: boolean }): Promise<Discovered>
  // #region actions
  readonly actions: Actions
  /** The same actions as dry-runs: each returns what it would do. */
  readonly dryRuns: DryRuns
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
    dryRuns: dryRunsOf(ask, own),
    // #endregion
    connections: connectionsOf(ask),
    sandboxes: sandboxesOf(ask),
    runs: runsOf(ask),
  }
}
