import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { FolderCatalogService } from '../../catalog/catalog-service.ts'
import type { ConnectionStore } from '../../connections/contract.ts'
import type { DriftStore } from '../../connections/drift/contract.ts'
import { isLoadedTopic } from '../../connections/topic-users.ts'
import type { InstanceStore } from '../../instances/contract.ts'
import { newId } from '../../platform/database/ids.ts'
import type { ExclusiveWork } from '../../platform/database/locks.ts'
import { requestInvalid } from '../../platform/http/error-response.ts'
import type { Page, ShownFilter } from '../../platform/lists.ts'
import type { Vault } from '../../platform/vault/vault.ts'
import {
  receiverLock,
  receiverPath,
  type NewStoredReceiver,
  type ReceiverPageRequest,
  type ReceiverSecrets,
  type ReceiverService,
  type ReceiverStore,
  type StoredReceiver,
  type TargetAdvice,
} from './contract.ts'
import { newSecret } from './new-secret.ts'
import { withDispatch, withSigning } from './change-secrets.ts'
import { putReceiverSecrets, readToChange } from './receiver-secrets.ts'
import { latestEnd, withPrevious } from './previous.ts'
import { newToken } from './receiver-token.ts'
import type {
  Dispatch,
  NewReceiver,
  Receiver,
  ReceiverInput,
  ReceiverUpdate,
  ReceiverWithSecrets,
} from './schema.ts'
import { dispatchProblems } from './dispatch-problems.ts'
import { maskedTarget } from './masked-target.ts'
import type { TargetAddresses } from './target-addresses.ts'
import { targetWarnings, type WarningsOptions } from './target-warnings.ts'
import { parseTarget } from './target.ts'
import { checkSecret, ownSender, senderOf, type Sender } from './sender.ts'

export interface ReceiversOptions {
  readonly store: ExclusiveWork & {
    readonly receivers: ReceiverStore
    readonly instances: Pick<InstanceStore, 'get'>
    readonly connections: Pick<ConnectionStore, 'get' | 'list'>
    readonly drift: Pick<DriftStore, 'approved'>
  }
  readonly vault: Vault
  readonly addresses: TargetAddresses
  readonly catalog: Pick<FolderCatalogService, 'connector'>
  /** Without a slash at its end. Undefined: addresses are paths. */
  readonly publicUrl: string | undefined
  readonly targets: TargetAdvice
  /** Called after each change of an address or a signing secret, before the caller has it. Does not throw. */
  readonly changed: () => Promise<void>
  readonly logger: Logger
  now(): number
}

/** Names that are tried if none is given. */
const mostNames = 100
const longestName = 63

/**
 * `ReceiverService` on the store and the vault: the hashes of tokens are in the store, the secrets are in the
 * vault, each with the ends of those before, and so are the queries of `url:` targets. A crash between the
 * two leaves a receiver that says it has no secret, or one whose processes read the vault later: the same
 * request again mends it, and so does the start of a process (`noteLostReceiverSecrets`). Until then, what
 * was valid stays valid as promised.
 */
export class StoredReceiverService implements ReceiverService {
  readonly #options: ReceiversOptions

  constructor(options: ReceiversOptions) {
    this.#options = options
  }

  async create(input: ReceiverInput): Promise<NewReceiver> {
    const { instance = null, dispatch, description = null } = input
    const sender = await this.#senderOf(instance, input)
    await this.#checkDispatch(dispatch, instance)
    const isMade = input.signingSecret === undefined && sender.secretFrom === 'user'
    const signing = isMade ? newSecret(sender.signature.secret) : input.signingSecret
    if (signing !== undefined) checkSecret(sender, signing)
    const { token, hash } = newToken()
    const made = await this.#insert(input, {
      id: newId('rcv'),
      instance,
      webhook: sender.webhook,
      rules: sender.rules,
      dispatch: await this.#options.addresses.allStored(dispatch),
      description,
      status: 'active',
      hasSecret: false,
      tokenHash: hash,
      previousTokens: [],
      previousSecretUntil: null,
    })
    const secrets = { ...(signing !== undefined && { signing }), dispatch: newSecret('whsec') }
    await this.#putFirst(made, { secrets, targets: dispatch.map(targetOf) })
    const { receivers } = this.#options.store
    const change = { hasSecret: signing !== undefined, isSecretNew: true }
    const created = await receivers.update(made.name, change)
    await this.#options.changed()
    return {
      ...(await this.#shown(created)),
      ingressUrl: this.#ingressUrl(token),
      signingSecret: isMade ? (signing ?? null) : null,
      dispatchSecret: dispatch.some(isUrl) ? secrets.dispatch : null,
    }
  }

  async get(name: string, shown: ShownFilter | null = null): Promise<Receiver> {
    return this.#shown(await this.#options.store.receivers.get(name), shown)
  }

  async list(page: ReceiverPageRequest, shown: ShownFilter | null = null): Promise<Page<Receiver>> {
    const { items, next } = await this.#options.store.receivers.list(page)
    return { items: await this.#allShown(items, shown), next }
  }

  async update(name: string, change: ReceiverUpdate, ifVersion?: number): Promise<Receiver> {
    const { store, addresses } = this.#options
    const { dispatch } = change
    if (dispatch === undefined)
      return this.#shown(await store.receivers.update(name, change, ifVersion))
    return this.#exclusively(name, async ({ id, instance }) => {
      await this.#checkDispatch(dispatch, instance)
      await addresses.add(id, dispatch.map(targetOf))
      const stored = await addresses.allStored(dispatch)
      const changed = await store.receivers
        .update(name, { ...change, dispatch: stored }, ifVersion)
        .catch(async (error: unknown) => {
          // Such as another version: nothing of the refused change is left.
          const { dispatch: present } = await store.receivers.get(name)
          await addresses.keepOnly(id, present.map(targetOf))
          throw error
        })
      await addresses.keepOnly(id, stored.map(targetOf))
      return this.#shown(changed)
    })
  }

  async setPaused(name: string, paused: boolean): Promise<Receiver> {
    const { receivers } = this.#options.store
    const status = paused ? 'paused' : 'active'
    const before = await receivers.get(name)
    return this.#shown(before.status === status ? before : await receivers.update(name, { status }))
  }

  rotateToken(name: string, graceSeconds: number): Promise<NewReceiver> {
    return this.#exclusively(name, async ({ tokenHash, previousTokens: older }) => {
      const { token, hash } = newToken()
      const end = { until: this.#until(graceSeconds), nowMs: this.#options.now() }
      const previousTokens = withPrevious(older, tokenHash.toString('base64'), end)
      const change = { tokenHash: hash, previousTokens }
      const changed = await this.#options.store.receivers.update(name, change)
      await this.#options.changed()
      const ingressUrl = this.#ingressUrl(token)
      return {
        ...(await this.#shown(changed)),
        ...{ ingressUrl, signingSecret: null, dispatchSecret: null },
      }
    })
  }

  setSecret(
    name: string,
    secret: { readonly signingSecret?: string; readonly graceSeconds: number },
  ): Promise<ReceiverWithSecrets> {
    return this.#exclusively(name, async (receiver) => {
      const { rules, instance, webhook } = receiver
      const sender =
        rules === null
          ? await this.#senderOf(instance, webhook === null ? {} : { webhook })
          : ownSender(rules)
      const signing = secret.signingSecret ?? madeSecret(sender)
      checkSecret(sender, signing)
      const { id } = receiver
      const { secrets: before, replace } = await readToChange(this.#options.vault, id)
      const until = this.#until(secret.graceSeconds)
      const secrets = withSigning(before, { signing, until, nowMs: this.#options.now() })
      const { receivers } = this.#options.store
      const previousSecretUntil = latestEnd(secrets.previousSigning ?? [])
      // Shown before the vault has it: after a crash between the two, the receiver says when the secret ends
      // that the sender still uses.
      if (previousSecretUntil !== null && previousSecretUntil !== receiver.previousSecretUntil)
        await receivers.update(name, { previousSecretUntil })
      await putReceiverSecrets(this.#options.vault, id, { secrets, replace })
      const change = { hasSecret: true, isSecretNew: true, previousSecretUntil }
      const changed = await receivers.update(name, change)
      await this.#options.changed()
      const isLost = before === null && receiver.dispatch.some(isUrl)
      return {
        ...(await this.#shown(changed)),
        signingSecret: secret.signingSecret === undefined ? signing : null,
        dispatchSecret: isLost ? secrets.dispatch : null,
      }
    })
  }

  rotateDispatchSecret(name: string, graceSeconds: number): Promise<ReceiverWithSecrets> {
    return this.#exclusively(name, async (receiver) => {
      const { id } = receiver
      const { secrets: before, replace } = await readToChange(this.#options.vault, id)
      const end = { until: this.#until(graceSeconds), nowMs: this.#options.now() }
      const secrets = withDispatch(before, end)
      await putReceiverSecrets(this.#options.vault, id, { secrets, replace })
      const changed = await this.#options.store.receivers.update(name, {
        hasSecret: secrets.signing !== undefined,
        isSecretNew: true,
      })
      const shown = await this.#shown(changed)
      return { ...shown, signingSecret: null, dispatchSecret: secrets.dispatch }
    })
  }

  async delete(name: string, ifVersion?: number): Promise<void> {
    const { vault, addresses, store } = this.#options
    await this.#exclusively(name, async ({ id }) => {
      // It is marked as having no secret before that is deleted, and is deleted after it: so no secret is
      // left that nobody knows of.
      await store.receivers.update(name, { hasSecret: false, isSecretNew: true }, ifVersion)
      await vault.delete(receiverPath(id))
      await addresses.delete(id)
      await store.receivers.delete(name)
      await this.#options.changed()
    })
  }

  async #senderOf(
    instance: string | null,
    choice: Pick<ReceiverInput, 'webhook' | 'rules'>,
  ): Promise<Sender> {
    if (instance === null) return senderOf(undefined, choice)
    const { type } = await this.#options.store.instances.get(instance)
    const { descriptor } = await this.#options.catalog.connector(type)
    return senderOf(descriptor, choice)
  }

  async #checkDispatch(dispatch: readonly Dispatch[], instance: string | null): Promise<void> {
    const problems = dispatchProblems(dispatch)
    if (problems.length > 0) throw requestInvalid(problems)
    for (const { target } of dispatch) {
      await this.#options.targets.check(target)
      const parsed = parseTarget(target)
      if (parsed?.kind === 'stream') await this.#checkStream(target, parsed.connection, instance)
      if (parsed?.kind === 'topic') await this.#checkTopic(target, parsed.name)
    }
  }

  /**
   * A caller may create receivers without any right on the connection, and could then write anything among
   * its rows.
   */
  async #checkTopic(target: string, topic: string): Promise<void> {
    if (!(await isLoadedTopic(topic, this.#options.store))) return
    throw new ConnectError('target_not_available', {
      details: {
        target,
        reason: 'a connection loads rows into this topic, whose readers expect nothing else there',
        fix: 'Choose another name for the topic of the events.',
      },
    })
  }

  /** Events of another instance name objects that the connection does not find. */
  async #checkStream(target: string, connection: string, instance: string | null): Promise<void> {
    const { from } = await this.#options.store.connections.get(connection)
    if (from === instance) return
    throw new ConnectError('target_not_available', {
      details: {
        target,
        reason: `connection ${connection} reads ${from}, and the receiver has events of ${instance ?? 'a sender without an instance'}`,
        fix: `Make the receiver for ${from}, or choose a connection of the same instance.`,
      },
    })
  }

  /** Under the name that was given, or the first of INSTANCE-WEBHOOK, INSTANCE-WEBHOOK-2, … that is free. */
  async #insert(
    { name, instance }: Pick<ReceiverInput, 'name' | 'instance'>,
    fields: Omit<NewStoredReceiver, 'name'>,
  ): Promise<StoredReceiver> {
    const { receivers } = this.#options.store
    if (name !== undefined) return receivers.create({ ...fields, name })
    if (instance === undefined)
      throw requestInvalid(['body/name: a receiver without an instance needs one'])
    for (let number = 1; ; number++) {
      const end = `-${fields.webhook ?? 'events'}${number === 1 ? '' : `-${String(number)}`}`
      try {
        const base = instance.slice(0, longestName - end.length)
        return await receivers.create({ ...fields, name: `${base}${end}` })
      } catch (error) {
        const isTaken = error instanceof ConnectError && error.code === 'name_taken'
        if (!isTaken || number === mostNames) throw error
      }
    }
  }

  async #putFirst(
    { id, name }: StoredReceiver,
    {
      secrets,
      targets,
    }: { readonly secrets: ReceiverSecrets; readonly targets: readonly string[] },
  ): Promise<void> {
    const { vault, addresses, store, logger } = this.#options
    try {
      await addresses.add(id, targets)
      await putReceiverSecrets(vault, id, { secrets, replace: { ifVersion: 0 } })
    } catch (error) {
      // The caller gets the error of the vault, and may try again: so the name is free.
      const undone = await Promise.allSettled([
        vault.delete(receiverPath(id)),
        addresses.delete(id),
        store.receivers.delete(name),
      ])
      for (const end of undone)
        if (end.status === 'rejected') {
          const { code } = ConnectError.from(end.reason)
          logger.warn({ receiver: name, code }, 'a receiver that was not made left something')
        }
      throw error
    }
  }

  /** One change of the address, the secrets and the targets at a time, in all processes. */
  async #exclusively<Result>(
    name: string,
    work: (receiver: StoredReceiver) => Promise<Result>,
  ): Promise<Result> {
    const { store } = this.#options
    const { id } = await store.receivers.get(name)
    return store.runExclusively(receiverLock(id), async () => {
      const receiver = await store.receivers.get(name)
      // It was deleted, and another one with the same name was created, while this waited.
      if (receiver.id !== id) throw new ConnectError('receiver_not_found', { details: { name } })
      return work(receiver)
    })
  }

  #until(graceSeconds: number): string | null {
    if (graceSeconds === 0) return null
    return new Date(this.#options.now() + graceSeconds * 1000).toISOString()
  }

  #ingressUrl(token: string): string {
    return `${this.#options.publicUrl ?? ''}/connect/v1/ingress/${token}`
  }

  async #shown(receiver: StoredReceiver, shown: ShownFilter | null = null): Promise<Receiver> {
    return this.#withWarnings(receiver, await this.#warningsOptions([receiver], shown))
  }

  async #allShown(
    receivers: readonly StoredReceiver[],
    shown: ShownFilter | null,
  ): Promise<readonly Receiver[]> {
    const options = await this.#warningsOptions(receivers, shown)
    return Promise.all(receivers.map((receiver) => this.#withWarnings(receiver, options)))
  }

  async #warningsOptions(
    receivers: readonly StoredReceiver[],
    shown: ShownFilter | null,
  ): Promise<WarningsOptions> {
    const { store, targets: advice } = this.#options
    const interruptions = await advice.interruptions(receivers.flatMap(targetsOf))
    return { advice, interruptions, connections: store.connections, shown }
  }

  async #withWarnings(receiver: StoredReceiver, options: WarningsOptions): Promise<Receiver> {
    const warnings = await targetWarnings(targetsOf(receiver), options)
    const dispatch = receiver.dispatch.map((to) => ({ ...to, target: maskedTarget(to.target) }))
    return { ...shownFields(receiver), dispatch, warnings }
  }
}

function targetsOf({ dispatch }: StoredReceiver): readonly string[] {
  return dispatch.map(targetOf)
}

function targetOf({ target }: Dispatch): string {
  return target
}

function shownFields({
  name,
  instance,
  webhook,
  rules,
  dispatch,
  description,
  status,
  hasSecret,
  previousTokenUntil,
  previousSecretUntil,
  version,
  createdAt,
  updatedAt,
}: StoredReceiver): Omit<Receiver, 'warnings'> {
  return {
    ...{ name, instance, webhook, rules, dispatch, description, status, hasSecret },
    ...{ previousTokenUntil, previousSecretUntil, version, createdAt, updatedAt },
  }
}

function isUrl({ target }: Dispatch): boolean {
  return target.startsWith('url:')
}

function madeSecret({ secretFrom, signature, title }: Sender): string {
  if (secretFrom === 'user') return newSecret(signature.secret)
  throw requestInvalid([
    `body/signing_secret: ${title} makes the secret; copy it from where the webhook is set up there`,
  ])
}
