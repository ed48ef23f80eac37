import { isDeepStrictEqual } from 'node:util'
import { parsePointer } from '../../lib/text/json-pointer.ts'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import { ConnectError, type JsonObject, valueAt } from '../../protocol/index.ts'
import { joinConfig, type Secrets, type SplitConfig } from '../platform/secrets/secret-fields.ts'
import { clientPointers, tokenPointers } from '../oauth/oauth-scheme.ts'
import { InstanceSecrets } from '../platform/vault/instance-secrets.ts'
import { isUnusable } from '../platform/vault/vault.ts'
import type { InstancesOptions } from './instances-options.ts'
import { missingCredentials } from './missing-secrets.ts'
import type { CredentialStatus, Instance } from './schema.ts'
import { findUndeclared } from './stale-secrets.ts'

/**
 * If somebody else writes the same secrets at the same time (a token that is refreshed), they are read again,
 * up to this many times.
 */
const maxWrites = 5

/** From the stored secrets to those to store; at a second attempt, the stored ones may have changed. */
export type ConfigEdit = (stored: SplitConfig, descriptor: ConnectorDescriptor) => SplitConfig

/**
 * Writes the configuration and the secrets of one instance at a time, in all processes: secrets to the vault
 * first, then to the store which of them are set.
 */
export class InstanceEditor {
  readonly #options: Pick<InstancesOptions, 'store' | 'vault' | 'catalog'>

  constructor(options: Pick<InstancesOptions, 'store' | 'vault' | 'catalog'>) {
    this.#options = options
  }

  /** If somebody changed the instance in the meantime, their change wins. */
  async note(
    { name, version, credentials: before }: Instance,
    credentials: CredentialStatus,
  ): Promise<void> {
    if (before === credentials) return
    await this.runExclusively(name, async (instance) => {
      if (instance.version === version)
        await this.#options.store.instances.update(name, { credentials })
    })
  }

  change(
    name: string,
    edit: ConfigEdit,
    about: {
      readonly ifVersion?: number
      readonly isAuthorized?: boolean
      /** By a person: secrets alone are a new version too. */
      readonly isGiven?: true
      /**
       * The secrets of a person, which replace stored ones that cannot be used, if nothing that a person set
       * is lost with them.
       */
      readonly replacement?: JsonObject
    } = {},
  ): Promise<Instance> {
    return this.runExclusively(name, async (instance) => {
      requireVersion(instance, about.ifVersion)
      const { descriptor } = await this.#options.catalog.connector(instance.type)
      const { before, after } = await this.#changeSecrets(
        instance,
        (secrets) => edit({ config: instance.config, secrets }, descriptor),
        (error) => {
          if (about.replacement === undefined) throw error
          requireAll({ instance, descriptor, given: about.replacement, error })
        },
      )
      const isRenewed = about.isAuthorized ?? !isDeepStrictEqual(before, after.secrets)
      const status = credentialStatus(descriptor, after)
      const isRefused = instance.credentials === 'reauthorize' && !isRenewed && status === 'ready'
      const credentials = isRefused ? 'reauthorize' : status
      return this.#keep(instance, { ...after, credentials }, about.isGiven === true && isRenewed)
    })
  }

  /**
   * Writes nothing if nothing has changed, so that no edit conflicts. The tokens that a connector replaces
   * are no change of the instance.
   */
  async #keep(
    instance: Instance,
    { config, secrets, credentials }: SplitConfig & { readonly credentials: CredentialStatus },
    hasNewSecrets: boolean,
  ): Promise<Instance> {
    const pointers = Object.keys(secrets).sort()
    const isSameConfig = isDeepStrictEqual(instance.config, config)
    const isSame =
      !hasNewSecrets &&
      isSameConfig &&
      credentials === instance.credentials &&
      isDeepStrictEqual(instance.secrets, pointers)
    if (isSame) return instance
    return this.#options.store.instances.update(instance.name, {
      ...(!isSameConfig && { config }),
      secrets: pointers,
      credentials,
    })
  }

  /**
   * The secrets before and after the edit, which is durable in the vault. `allowReplacing` throws if those
   * that cannot be used stay.
   */
  async #changeSecrets(
    instance: Instance,
    edit: (stored: Secrets) => SplitConfig,
    allowReplacing: (error: ConnectError) => void,
  ): Promise<{ readonly before: Secrets; readonly after: SplitConfig }> {
    const secrets = new InstanceSecrets(this.#options.vault, instance)
    for (let attempt = 1; ; attempt += 1) {
      const stored = await secrets.get().catch((error: unknown) => {
        if (!isUnusable(error)) throw error
        allowReplacing(error)
        return { secrets: {}, version: 'unusable' } as const
      })
      const before = stored?.secrets ?? {}
      const after = edit(before)
      if (isDeepStrictEqual(after.secrets, before)) return { before, after }
      try {
        await secrets.put(after.secrets, { ifVersion: stored?.version ?? 0 })
        return { before, after }
      } catch (error) {
        const isConflict = error instanceof ConnectError && error.code === 'vault_conflict'
        if (!isConflict || attempt === maxWrites) throw error
      }
    }
  }

  async runExclusively<Result>(
    name: string,
    work: (instance: Instance) => Promise<Result>,
  ): Promise<Result> {
    const { store } = this.#options
    const { id } = await store.instances.get(name)
    return store.runExclusively(`instance ${id}`, async () => {
      const instance = await store.instances.get(name)
      // The instance was deleted, and another one with the same name was created, while this waited.
      if (instance.id !== id)
        throw new ConnectError('instance_not_found', { details: { instance: name } })
      return work(instance)
    })
  }
}

/**
 * Throws `credentials_incomplete` if a secret that was set by a person is not among those that are given.
 * Tokens that OAuth or the connector stored can be had again.
 */
function requireAll({
  instance,
  descriptor,
  given,
  error,
}: {
  readonly instance: Instance
  readonly descriptor: ConnectorDescriptor
  readonly given: JsonObject
  readonly error: ConnectError
}): void {
  const regained = new Set([
    ...tokenPointers(descriptor),
    ...findUndeclared(descriptor.spec, instance.secrets),
  ])
  for (const pointer of clientPointers(descriptor)) regained.delete(pointer)
  const lost = instance.secrets.filter(
    (pointer) => !regained.has(pointer) && valueAt(given, parsePointer(pointer)) === undefined,
  )
  if (lost.length === 0) return
  const { file } = error.details
  throw new ConnectError('credentials_incomplete', {
    details: {
      instance: instance.name,
      fields: lost.join(', '),
      ...(file !== undefined && { file }),
    },
    cause: error,
  })
}

export function credentialStatus(
  descriptor: ConnectorDescriptor,
  { config, secrets }: SplitConfig,
): CredentialStatus {
  return missingCredentials(descriptor, joinConfig(config, secrets)).length > 0
    ? 'missing'
    : 'ready'
}

/** Throws `version_conflict`. */
export function requireVersion({ name, version }: Instance, expected: number | undefined): void {
  if (expected === undefined || expected === version) return
  throw new ConnectError('version_conflict', {
    details: { kind: 'Instance', name, actual: version, expected },
  })
}
