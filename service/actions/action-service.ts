import { nameSuggestion, nearestName } from '../../lib/text/near-names.ts'
import type { Action } from '../../connectors/action.ts'
import type { ConnectorActions, ConnectorDescriptor } from '../../connectors/connector.ts'
import type { ActionDescriptor } from '../../connectors/descriptor-schema.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { CatalogConnector } from '../catalog/catalog-service.ts'
import type { Instance } from '../instances/schema.ts'
import { StoredKey } from '../platform/vault/stored-key.ts'
import type { Vault } from '../platform/vault/vault.ts'
import { ExistingCall, type ActionCallTools, type RequestedLevel } from './action-call.ts'
import type { ActionRequestCall, ActionService, PreparedCall } from './contract.ts'
import { DryRunTokens } from './dry-run-token.ts'
import { KeyedHash } from './keyed-hash.ts'

export interface ActionServiceOptions extends Omit<ActionCallTools, 'tokens' | 'key' | 'hash'> {
  readonly catalog: { connector(type: string): Promise<CatalogConnector> }
  readonly vault: Vault
  now(): number
}

/** An action of an instance. */
interface FoundAction {
  readonly instance: Instance
  readonly actions: ConnectorActions
  readonly action: Action
  readonly descriptor: ConnectorDescriptor
}

export class StoredActionService implements ActionService {
  readonly #options: ActionServiceOptions
  readonly #tools: ActionCallTools

  constructor(options: ActionServiceOptions) {
    const { vault } = options
    const key = new StoredKey(vault, 'actions/result-key')
    const tokens = new DryRunTokens(vault, () => options.now())
    this.#options = options
    this.#tools = { ...options, tokens, key, hash: new KeyedHash(key) }
  }

  async list(instanceName: string): Promise<readonly ActionDescriptor[]> {
    const { type } = await this.#options.instances.get(instanceName)
    const { connector } = await this.#options.catalog.connector(type)
    return ((await connector.actions?.load()) ?? []).map(({ descriptor }) => descriptor)
  }

  async get(instanceName: string, actionName: string): Promise<ActionDescriptor> {
    const { action } = await this.#find({ instance: instanceName, action: actionName })
    return action.descriptor
  }

  async prepare(call: ActionRequestCall): Promise<PreparedCall> {
    const { dryRun: requested, principal, input, token } = call
    const dryRun = requested !== undefined
    const unknown = { dryRun, planned: token !== undefined && !dryRun, effect: '', name: '' }
    try {
      const found = await this.#find(call)
      const { name, effect } = found.action.descriptor
      const subject = {
        principal: principal.id,
        instanceId: found.instance.id,
        instanceVersion: found.instance.version,
        action: name,
        inputHash: await this.#tools.hash.of(input),
      }
      const context = { ...unknown, effect, name }
      const known = { ...found, subject, input, token, context }
      const dryRunLevel = dryRunFor(requested, found.action.descriptor, principal)
      return new ExistingCall({ ...known, dryRunLevel }, this.#tools)
    } catch (error) {
      if (!(error instanceof ConnectError) || !absent.has(error.code)) throw error
      return absentCall(unknown, error)
    }
  }

  async #find({
    instance: instanceName,
    action: name,
  }: Pick<ActionRequestCall, 'instance' | 'action'>): Promise<FoundAction> {
    const instance = await this.#options.instances.get(instanceName)
    const { connector } = await this.#options.catalog.connector(instance.type)
    const { actions, descriptor } = connector
    const loaded = (await actions?.load()) ?? []
    const action = loaded.find((candidate) => candidate.descriptor.name === name)
    if (actions === undefined || action === undefined) {
      const near = nearestName(
        name,
        loaded.map((candidate) => candidate.descriptor.name),
      )
      const suggestion = nameSuggestion(near)
      throw new ConnectError('action_not_found', {
        details: { instance: instanceName, type: instance.type, action: name, suggestion },
      })
    }
    return { instance, actions, action, descriptor }
  }
}

/**
 * A native dry-run of a deletion really deletes: when its token is invoked, the object is already gone. So
 * agents, which must invoke with a token, and callers of an action that requires a confirmation, because
 * something is lost, get a synthesized dry-run, which does nothing, unless they ask for a native one.
 */
function dryRunFor(
  requested: ActionRequestCall['dryRun'],
  { requiresConfirmation }: ActionDescriptor,
  { kind }: ActionRequestCall['principal'],
): RequestedLevel {
  if (requested === 'native' || requested === 'synthesized') return requested
  return requiresConfirmation || kind === 'agent' ? 'synthesized' : 'any'
}

const absent = new Set<ConnectError['code']>(['instance_not_found', 'action_not_found'])

/** The policy decides first: a caller without the right does not learn whether the action exists. */
function absentCall(context: PreparedCall['context'], error: ConnectError): PreparedCall {
  const fail = () => Promise.reject(error)
  return { context, facts: null, dryRun: fail, invoke: fail }
}
