import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import {
  ConnectError,
  type AirbyteConnectionStatus,
  type JsonObject,
} from '../../protocol/index.ts'
import { oauthPointers, refreshedScheme } from '../oauth/oauth-scheme.ts'
import type { OAuthCallback, OAuthInstance } from '../oauth/oauth.ts'
import type { ConfigChange, ResolvedConfig } from '../execution/resolved-config.ts'
import type { InstanceService, LostSecrets } from './contract.ts'
import type { CredentialStatus, Discovered, Instance, InstanceSummary } from './schema.ts'
import type { Page, PageRequest, ShownOnly } from '../platform/lists.ts'
import { InstanceSecrets } from '../platform/vault/instance-secrets.ts'
import { isUnusable } from '../platform/vault/vault.ts'
import { AskInstance } from './ask-instance.ts'
import {
  credentialStatus,
  InstanceEditor,
  requireVersion,
  type ConfigEdit,
} from './instance-editor.ts'
import { checkConfig } from './check-config.ts'
import { mergeCredentials } from './merge-credentials.ts'
import { applyChanges } from './config-changes.ts'
import { secretTexts } from '../platform/secrets/secret-texts.ts'
import { requireAllowedFolder } from './allowed-folder.ts'
import { requireAllowedSocket } from './allowed-socket.ts'
import { refuseMisplacedSecrets } from './misplaced-secrets.ts'
import { missingCredentials } from './missing-secrets.ts'
import type { InstancesOptions } from './instances-options.ts'
import { joinConfig, splitConfig, type Secrets } from '../platform/secrets/secret-fields.ts'
import { instanceInUse } from './instance-in-use.ts'
import { SharedTokens } from './shared-tokens.ts'
import { findUndeclared } from './stale-secrets.ts'
import { replaceConfig } from './replace-config.ts'

/**
 * `InstanceService` on the store and the vault: the configuration is in the store, the secrets are in the
 * vault. A crash between the two leaves an instance that says `missing`, never one that claims more than it
 * has.
 */
export class StoredInstanceService implements InstanceService {
  readonly #options: InstancesOptions
  readonly #ask: AskInstance
  readonly #tokens: SharedTokens
  readonly #editor: InstanceEditor

  constructor(options: InstancesOptions) {
    this.#options = options
    this.#ask = new AskInstance(options, this)
    this.#tokens = new SharedTokens(options)
    this.#editor = new InstanceEditor(options)
  }

  async create(input: { name: string; type: string; config: JsonObject }): Promise<Instance> {
    const { name, type } = input
    const { store } = this.#options
    const descriptor = await this.#descriptor(type)
    checkConfig(type, descriptor.spec, input.config)
    this.#requireAllowedPlaces(descriptor, input.config)
    const { config, secrets } = splitConfig(
      descriptor.spec,
      input.config,
      oauthPointers(descriptor),
    )
    refuseMisplacedSecrets(descriptor, config)
    const credentials = credentialStatus(descriptor, { config, secrets })
    const pointers = Object.keys(secrets).sort()
    if (pointers.length === 0) {
      return store.instances.create({ name, type, config, secrets: [], credentials })
    }
    const made = { name, type, config, secrets: [], credentials: 'missing' } as const
    const instance = await store.instances.create(made)
    try {
      await this.#secretsOf(instance).put(secrets, { ifVersion: 0 })
    } catch (error) {
      await this.#undoCreate(instance)
      throw error
    }
    return store.instances.update(name, { secrets: pointers, credentials })
  }

  get(name: string): Promise<Instance> {
    return this.#options.store.instances.get(name)
  }

  list(page: PageRequest & { readonly type?: string }): Promise<Page<InstanceSummary>> {
    return this.#options.store.instances.list(page)
  }

  update(name: string, input: { config: JsonObject }, ifVersion?: number): Promise<Instance> {
    const edit: ConfigEdit = (stored, descriptor) => {
      const next = replaceConfig(descriptor, stored, input.config)
      checkConfig(descriptor.type, descriptor.spec, joinConfig(next.config, next.secrets))
      this.#requireAllowedPlaces(descriptor, next.config)
      refuseMisplacedSecrets(descriptor, next.config)
      return next
    }
    return this.#editor.change(name, edit, {
      isGiven: true,
      ...(ifVersion !== undefined && { ifVersion }),
    })
  }

  async delete(
    name: string,
    { ifVersion, ...shown }: ShownOnly & { readonly ifVersion?: number } = {},
  ): Promise<void> {
    const { store } = this.#options
    await this.#editor.runExclusively(name, async (instance) => {
      requireVersion(instance, ifVersion)
      await this.#requireUnused(name, shown)
      // It is marked as having no secrets before they are deleted, and is deleted after them: so no secret is
      // left that nobody knows of.
      await store.instances.update(name, { secrets: [], credentials: 'missing' })
      await this.#secretsOf(instance).delete()
      await store.instances.delete(name)
    })
  }

  setCredentials(name: string, input: JsonObject): Promise<Instance> {
    const edit: ConfigEdit = (stored, descriptor) => {
      const secrets = mergeCredentials(descriptor, stored, input)
      checkConfig(descriptor.type, descriptor.spec, joinConfig(stored.config, secrets))
      return { config: stored.config, secrets }
    }
    return this.#editor.change(name, edit, { isGiven: true, replacement: input })
  }

  async beginAuthorization(
    name: string,
    redirectUri = this.#options.callbackUrl,
  ): Promise<{ authorizeUrl: string; state: string }> {
    return this.#options.oauth.begin(await this.#oauthInstance(await this.get(name)), redirectUri)
  }

  isAuthorizationPending(state: string): Promise<boolean> {
    return this.#options.oauth.isPending(state)
  }

  async completeAuthorization(callback: OAuthCallback): Promise<Instance> {
    const { instance } = await this.#options.oauth.complete(callback)
    return this.#editor.change(instance, (stored) => stored, {
      isAuthorized: true,
      isGiven: true,
    })
  }

  check(name: string): Promise<AirbyteConnectionStatus> {
    return this.#ask.check(name)
  }

  discover(name: string, options: { readonly refresh: boolean }): Promise<Discovered> {
    return this.#ask.discover(name, options)
  }

  async resolveConfig(name: string): Promise<ResolvedConfig> {
    const instance = await this.get(name)
    const { connectorType, descriptor } = await this.#options.catalog.connector(instance.type)
    this.#requireAllowedPlaces(descriptor, instance.config)
    const secrets = await this.#freshSecrets(instance)
    if (isEmpty(secrets) && (await this.#isLost(instance))) {
      await this.#editor.note(instance, 'missing')
      const details = { instance: name, fields: instance.secrets.join(', ') }
      throw new ConnectError('credentials_missing', { details })
    }
    const config = joinConfig(instance.config, secrets)
    const missing = missingCredentials(descriptor, config)
    if (missing.length > 0) {
      await this.#editor.note(instance, 'missing')
      const details = { instance: name, fields: missing.join(', ') }
      throw new ConnectError('credentials_missing', { details })
    }
    // If its connector found that the authorization is refused, that stays so until it has other tokens.
    const isRefused = instance.credentials === 'reauthorize'
    if (!isRefused || refreshedScheme(descriptor) !== undefined)
      await this.#editor.note(instance, 'ready')
    return { type: connectorType, config, secrets: secretTexts(instance.config, secrets) }
  }

  async peekConfig(
    name: string,
  ): Promise<{ readonly source: ResolvedConfig; readonly credentials: CredentialStatus }> {
    const instance = await this.get(name)
    const { connectorType, descriptor } = await this.#options.catalog.connector(instance.type)
    const { secrets } = await this.#secretsOf(instance).getOrNone()
    const { config } = instance
    const status = credentialStatus(descriptor, { config, secrets })
    return {
      source: {
        type: connectorType,
        config: joinConfig(config, secrets),
        secrets: secretTexts(config, secrets),
      },
      credentials: instance.credentials === 'reauthorize' ? 'reauthorize' : status,
    }
  }

  /**
   * Compares the secrets in the store's records with those in the vault, which may be another one, or empty.
   * An instance whose secrets are not there, or cannot be used, is marked as such; one whose secrets are back
   * becomes ready.
   */
  async noteLostSecrets(): Promise<LostSecrets> {
    const lost: string[] = []
    const damaged: string[] = []
    let cursor: string | null | undefined
    while (cursor !== null) {
      const page = { limit: 50, ...(cursor !== undefined && { cursor }) }
      const { items, next } = await this.#options.store.instances.list(page)
      const withSecrets = items.filter(({ secrets }) => secrets.length > 0)
      const states = await Promise.all(withSecrets.map(({ name }) => this.#noteLost(name)))
      for (const [index, { name }] of withSecrets.entries()) {
        if (states[index] === 'lost') lost.push(name)
        if (states[index] === 'damaged') damaged.push(name)
      }
      cursor = next
    }
    return { lost, damaged }
  }

  async #noteLost(name: string): Promise<'stored' | keyof LostSecrets> {
    const instance = await this.#getIfThere(name)
    if (instance === undefined) return 'stored'
    try {
      const isLost = await this.#isLost(instance)
      if (isLost) await this.#editor.note(instance, 'missing')
      else if (instance.credentials === 'missing') await this.#noteReturned(instance)
      return isLost ? 'lost' : 'stored'
    } catch (error) {
      // Those of the other instances can be compared all the same.
      if (!isUnusable(error)) throw error
      await this.#editor.note(instance, 'missing')
      return 'damaged'
    }
  }

  /** Undefined if it was deleted meanwhile. */
  async #getIfThere(name: string): Promise<Instance | undefined> {
    try {
      return await this.get(name)
    } catch (error) {
      if (ConnectError.from(error).code === 'instance_not_found') return undefined
      throw error
    }
  }

  async #noteReturned(instance: Instance): Promise<void> {
    const descriptor = await this.#descriptorIfThere(instance.type)
    if (descriptor === undefined) return
    const { secrets } = await this.#secretsOf(instance).getOrNone()
    const split = { config: instance.config, secrets }
    await this.#editor.note(instance, credentialStatus(descriptor, split))
  }

  /** Undefined if its manifest is gone or cannot be read: then its secret fields are not known. */
  async #descriptorIfThere(type: string): Promise<ConnectorDescriptor | undefined> {
    try {
      return await this.#descriptor(type)
    } catch (error) {
      if (error instanceof ConnectError && error.code !== 'unexpected') return undefined
      throw error
    }
  }

  async #requireUnused(name: string, shown: ShownOnly): Promise<void> {
    const { connections, receivers } = this.#options.store
    const destination = `instance:${name}`
    const [connection, written, receiver] = await Promise.all([
      connections.list({ instance: name, limit: 1 }),
      connections.list({ destination, limit: 1 }),
      receivers.list({ instance: name, limit: 1 }),
    ])
    const [hasConnections, isWritten, hasReceivers] = [connection, written, receiver].map(
      ({ items }) => items.length > 0,
    )
    if (hasConnections !== true && isWritten === true) {
      const readable = await connections.list({ destination, limit: 200, ...shown })
      throw instanceInUse(name, { readable, hasReceivers: hasReceivers === true })
    }
    if (hasConnections === true) {
      const readable = await connections.list({ instance: name, limit: 200, ...shown })
      throw instanceInUse(name, { readable, hasReceivers: hasReceivers === true })
    }
    if (hasReceivers === true) throw instanceInUse(name, { readable: null, hasReceivers })
  }

  /** The store lists secrets, but the vault has no entry. If none are listed, none were lost. */
  async #isLost(instance: Instance): Promise<boolean> {
    return instance.secrets.length > 0 && (await this.#secretsOf(instance).get()) === null
  }

  async keepConfig(name: string, config: JsonObject, resolved: JsonObject): Promise<void> {
    await this.#editor.change(name, (stored, descriptor) => {
      const { spec } = descriptor
      const applied = applyChanges(joinConfig(stored.config, stored.secrets), {
        before: resolved,
        after: config,
      })
      // Fields that the spec does not mention are those that a connector stores itself: tokens.
      const own = findUndeclared(spec, applied.changed)
      const known = [...Object.keys(stored.secrets), ...oauthPointers(descriptor), ...own]
      return splitConfig(spec, applied.config, known)
    })
  }

  async changeConfig(
    name: string,
    resolved: JsonObject,
    change: ConfigChange,
  ): Promise<JsonObject> {
    const { id, type } = await this.get(name)
    const descriptor = await this.#descriptor(type)
    const { config, isChanged } = await this.#tokens.change(
      { id, name, descriptor },
      resolved,
      change,
    )
    if (!isChanged) return config
    try {
      await this.#editor.change(name, noteSecrets, { isAuthorized: true })
    } catch (error) {
      // They are stored, and that is what the run needs: the list of fields that are set is updated with the
      // next change.
      const facts = { instance: name, code: ConnectError.from(error).code }
      this.#options.logger.warn(facts, 'which secrets are set could not be noted')
    }
    return config
  }

  async noteAuthorizationLost(
    name: string,
    { config, reason }: { readonly config: JsonObject; readonly reason: string },
  ): Promise<ConnectError> {
    const instance = await this.get(name)
    if (await this.#tokens.areIn(instance, config)) await this.#editor.note(instance, 'reauthorize')
    return new ConnectError('reauthorization_required', { details: { instance: name, reason } })
  }

  #requireAllowedPlaces(descriptor: ConnectorDescriptor, config: JsonObject): void {
    requireAllowedSocket(descriptor, config, this.#options.allowedSockets)
    requireAllowedFolder(descriptor, config, this.#options.allowedFolders)
  }

  async #freshSecrets(instance: Instance): Promise<Secrets> {
    try {
      return await this.#options.oauth.freshSecrets(await this.#oauthInstance(instance))
    } catch (error) {
      if (error instanceof ConnectError && error.code === 'reauthorization_required') {
        await this.#editor.note(instance, 'reauthorize')
      } else if (isUnusable(error)) await this.#editor.note(instance, 'missing')
      throw error
    }
  }

  /**
   * The caller gets the error of the vault, which came first, and may try again: so the name is free also if
   * the vault cannot delete either. An instance that somebody has set up in the meantime stays.
   */
  async #undoCreate({ name, id, version }: Instance): Promise<void> {
    const { logger, store } = this.#options
    try {
      await this.#editor.runExclusively(name, async (instance) => {
        if (instance.id !== id || instance.version !== version) return
        await this.#deleteUnknown(instance)
        await store.instances.delete(name)
      })
    } catch (error) {
      const facts = { instance: name, error: ConnectError.from(error).toJSON() }
      logger.warn(facts, 'an instance is left without its secrets')
    }
  }

  /** The vault may have stored them although it failed. */
  async #deleteUnknown(instance: Instance): Promise<void> {
    const secrets = this.#secretsOf(instance)
    try {
      await secrets.delete()
    } catch (error) {
      const { code } = ConnectError.from(error)
      const facts = { instance: instance.name, path: secrets.path, code }
      this.#options.logger.warn(
        facts,
        'an instance was not created, and the vault may have its secrets all the same: nothing uses them',
      )
    }
  }

  #secretsOf(instance: Pick<Instance, 'id' | 'name'>): InstanceSecrets {
    return new InstanceSecrets(this.#options.vault, instance)
  }

  async #descriptor(type: string): Promise<ConnectorDescriptor> {
    return (await this.#options.catalog.connector(type)).descriptor
  }

  async #oauthInstance({ id, name, type, config }: Instance): Promise<OAuthInstance> {
    return { id, name, config, descriptor: await this.#descriptor(type) }
  }
}

function isEmpty(secrets: Secrets): boolean {
  return Object.keys(secrets).length === 0
}

/** The secrets are in the vault already. */
const noteSecrets: ConfigEdit = ({ config, secrets }, { spec }) =>
  splitConfig(spec, joinConfig(config, secrets), Object.keys(secrets))
