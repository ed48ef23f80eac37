import { expect } from 'vitest'
import { githubActions } from '../../../connectors/github/actions/actions.ts'
import type { ActionClient } from '../../../connectors/connector.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import type { ConnectError, JsonObject, JsonValue } from '../../../protocol/index.ts'
import { GithubSimulator } from '../../fakes/github/simulator.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { contextOf } from '../collected.ts'
import { checking } from './loopback.ts'

export const githubConnector = await connectorOf('github')

/**
 * A GitHub that stores what is written, and its actions. In the end all requests must have been as GitHub
 * describes them.
 */
export interface World extends AsyncDisposable {
  readonly github: GithubSimulator
  readonly api: VendorApi
  readonly invoke: (name: string, input: JsonObject) => Promise<JsonValue>
  readonly failure: (name: string, input: JsonObject) => Promise<ConnectError>
}

export async function startWorld(config: JsonObject = { access_token: 'ghp_ada' }): Promise<World> {
  const github = new GithubSimulator()
  const problems = new Set<string>()
  const api = await VendorApi.start(checking(github.handle, problems))
  const client = await openClient({
    repositories: ['acme/shop'],
    api_url: `http://127.0.0.1:${String(api.port)}`,
    ...config,
  })
  const invoke = async (name: string, input: JsonObject): Promise<JsonValue> => {
    const action = githubActions.find(({ descriptor }) => descriptor.name === name)
    if (action === undefined) throw new TypeError(`there is no action ${name}`)
    const options = {
      idempotencyKey: 'k',
      mayComeAgain: true,
      timeoutMs: 10_000,
      signal: AbortSignal.timeout(20_000),
    }
    return (await client.send(action.call(input), options)).output
  }
  return {
    github,
    api,
    invoke,
    failure: (name, input) =>
      invoke(name, input).then(
        () => {
          throw new Error(`${name} succeeded`)
        },
        (error: unknown) => error as ConnectError,
      ),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await api[Symbol.asyncDispose]()
      expect([...problems]).toEqual([])
    },
  }
}

export async function openClient(config: JsonObject): Promise<ActionClient> {
  const { actions } = githubConnector
  if (actions === undefined) throw new TypeError('GitHub has actions')
  return actions.open(config, {
    ...contextOf(),
    allowedNetworks: ['127.0.0.1/32'],
    instance: 'github-test',
  })
}
