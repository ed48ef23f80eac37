import { isDeepStrictEqual } from 'node:util'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import type { JsonObject } from '../../protocol/index.ts'
import type { ExclusiveWork } from '../platform/database/locks.ts'
import { keepTrying } from '../platform/vault/keep-trying.ts'
import { InstanceSecrets } from '../platform/vault/instance-secrets.ts'
import type { Vault } from '../platform/vault/vault.ts'
import { applyChanges } from './config-changes.ts'
import { joinConfig, splitConfig, type Secrets } from '../platform/secrets/secret-fields.ts'

interface NamedInstance {
  readonly id: string
  readonly name: string
}

/**
 * The tokens that all readers of an instance share, in any process: those that its connector replaces while
 * it reads.
 */
export class SharedTokens {
  readonly #store: ExclusiveWork
  readonly #vault: Vault

  constructor({ store, vault }: { readonly store: ExclusiveWork; readonly vault: Vault }) {
    this.#store = store
    this.#vault = vault
  }

  /**
   * Changes the secrets of an instance while no other reader changes them. `change` gets the configuration of
   * the reader (`resolved`) with the present secrets. Its changes are stored in the vault, whatever the spec
   * says of their places: an expiry is useless without its token. Resolves with the new configuration, once
   * it is durable.
   */
  async change(
    instance: NamedInstance & { readonly descriptor: ConnectorDescriptor },
    resolved: JsonObject,
    change: (stored: JsonObject) => Promise<JsonObject | null>,
  ): Promise<{ readonly config: JsonObject; readonly isChanged: boolean }> {
    return this.#store.runExclusively(`oauth ${instance.id}`, async () => {
      const { secrets } = await this.#secretsOf(instance).getOrNone()
      const before = joinConfig(resolved, secrets)
      const after = await change(before)
      if (after === null) return { config: before, isChanged: false }
      const known = applyChanges(before, { before, after }).changed
      const edited = splitConfig(instance.descriptor.spec, after, [
        ...Object.keys(secrets),
        ...known,
      ])
      const stored = await this.#put(instance, { before: secrets, after: edited.secrets })
      return { config: joinConfig(after, stored), isChanged: true }
    })
  }

  /** Whether these are still the secrets that a reader has in its configuration. */
  async areIn(instance: NamedInstance, config: JsonObject): Promise<boolean> {
    const { secrets } = await this.#secretsOf(instance).getOrNone()
    return isDeepStrictEqual(joinConfig(config, secrets), config)
  }

  /** A used token is lost if its successor is not stored: a vault that does not respond is tried again. */
  #put(
    instance: NamedInstance,
    tokens: { readonly before: Secrets; readonly after: Secrets },
  ): Promise<Secrets> {
    const secrets = this.#secretsOf(instance)
    return keepTrying(async () => {
      const { secrets: now, version } = await secrets.getOrNone()
      const edited = withChanges(now, tokens)
      if (edited !== now) await secrets.put(edited, { ifVersion: version })
      return edited
    })
  }

  #secretsOf(instance: NamedInstance): InstanceSecrets {
    return new InstanceSecrets(this.#vault, instance)
  }
}

/**
 * The present secrets with the differences between `before` and `after`; unchanged if somebody has changed
 * any of these in the meantime.
 */
function withChanges(
  now: Secrets,
  { before, after }: { readonly before: Secrets; readonly after: Secrets },
): Secrets {
  const changed = Object.entries(after).filter(
    ([pointer, value]) => !isDeepStrictEqual(before[pointer], value),
  )
  // The user authorized again: the tokens of the old authorization are invalid.
  const isSuperseded = changed.some(
    ([pointer]) => !isDeepStrictEqual(now[pointer], before[pointer]),
  )
  return isSuperseded || changed.length === 0 ? now : { ...now, ...Object.fromEntries(changed) }
}
