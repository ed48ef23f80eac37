import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { joinedSignal } from '../../lib/async/joined-signal.ts'
import { isRepeatable, type Action, type ActionCall } from '../../connectors/action.ts'
import type {
  ConnectorActions,
  ConnectorDescriptor,
  SendOptions,
} from '../../connectors/connector.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import { Execution } from '../execution/execution.ts'
import type { ResolvedConfig } from '../execution/resolved-config.ts'
import type { DryRunLevel } from '../../connectors/descriptor-schema.ts'
import type { InstanceService } from '../instances/contract.ts'
import type { Instance } from '../instances/schema.ts'
import type { InvokeContext } from '../platform/access/access-request.ts'
import type { IdempotencyBegin, IdempotencyStore } from '../platform/http/idempotency-contract.ts'
import type { StoredKey } from '../platform/vault/stored-key.ts'
import type { ActionClients, OpenClient } from './action-clients.ts'
import type {
  CallOptions,
  InvocationFacts,
  InvocationEnd,
  InvokeOptions,
  PreparedCall,
  UsedTokenStore,
} from './contract.ts'
import type { DryRunSubject, DryRunTokens, VerifiedToken } from './dry-run-token.ts'
import { invokeOnce } from './invoke-once.ts'
import type { RunningCalls } from './running-calls.ts'
import type { KeyedHash } from './keyed-hash.ts'
import { vendorAccount } from './vendor-account.ts'
import { standardTimeoutSeconds, type DryRun, type Invocation } from './schema.ts'

/** The dependencies that all calls share. */
export interface ActionCallTools {
  readonly instances: Pick<InstanceService, 'get' | 'peekConfig' | 'noteAuthorizationLost'>
  readonly clients: ActionClients
  readonly usedTokens: UsedTokenStore
  readonly idempotency: IdempotencyStore
  readonly tokens: DryRunTokens
  /** Encrypts results that are stored. */
  readonly key: StoredKey
  readonly hash: KeyedHash
  readonly logger: Logger
  readonly running: RunningCalls
}

/** The kind of dry-run that is made; `any`: the one that the credentials allow. */
export type RequestedLevel = 'any' | 'native' | 'synthesized'

/** The facts about a call that has been looked up. */
interface KnownCall {
  readonly instance: Instance
  readonly actions: ConnectorActions
  readonly action: Action
  readonly descriptor: ConnectorDescriptor
  readonly input: JsonObject
  readonly subject: DryRunSubject
  /** The token of a dry-run; not verified yet. */
  readonly token: string | undefined
  readonly context: InvokeContext
  readonly dryRunLevel: RequestedLevel
}

/** A step more than uploads have. */
const steps = 4

/** A call of an action that exists. */
export class ExistingCall implements PreparedCall {
  readonly #known: KnownCall
  readonly #tools: ActionCallTools

  constructor(known: KnownCall, tools: ActionCallTools) {
    this.#known = known
    this.#tools = tools
  }

  get context(): InvokeContext {
    return this.#known.context
  }

  get facts(): InvocationFacts {
    const { action, subject } = this.#known
    return { effect: action.descriptor.effect, inputHash: subject.inputHash }
  }

  dryRun(options: CallOptions): Promise<DryRun> {
    return this.#tools.running.track(this.#dryRun(options))
  }

  invoke(options: InvokeOptions): Promise<InvocationEnd> {
    return this.#tools.running.track(this.#invoke(options))
  }

  async #dryRun(options: CallOptions): Promise<DryRun> {
    const { instance, action, actions, descriptor, subject, dryRunLevel } = this.#known
    const call = await this.#checkInput()
    const { source, credentials } = await this.#tools.instances.peekConfig(instance.name)
    const { token, nonce, expiresAt } = await this.#tools.tokens.issue(subject)
    const idempotencyKey = await this.#vendorKey(['token', nonce])
    const execution = this.#execution(source)
    const { level, request: shown } = actions.preview(call, source.config, { idempotencyKey })
    if (level === 'unsupported' || (dryRunLevel === 'native' && level !== 'native'))
      throw new ConnectError('dry_run_unsupported', {
        details: {
          vendor: descriptor.title,
          action: action.descriptor.name,
          ...unsupportedFacts(level, descriptor.title),
        },
      })
    const { name, effect, requiresConfirmation } = action.descriptor
    const facts = { action: name, effect, requiresConfirmation, credentials }
    const about = {
      ...facts,
      request: masked(shown, execution),
      token,
      expiresAt: expiresAt.toISOString(),
    }
    if (level === 'synthesized' || dryRunLevel === 'synthesized')
      return { ...about, dryRun: 'synthesized', vendorRequestId: null }
    // The key of the vendor's test mode is another one: the invocation that follows must not get the result
    // of this one.
    await using holds = new AsyncDisposableStack()
    const opened = await this.#open(holds)
    const tried = await this.#send(call, opened, { ...options, idempotencyKey: randomUUID() })
    return { ...about, dryRun: level, output: tried.output, vendorRequestId: tried.vendorRequestId }
  }

  async #invoke(options: InvokeOptions): Promise<InvocationEnd> {
    const { idempotencyKey } = options
    const call = await this.#checkInput()
    if (idempotencyKey !== undefined) return this.#invokeOnce(call, { ...options, idempotencyKey })
    const used = await this.#useToken(null)
    const about = used === undefined ? ['once', randomUUID()] : ['token', used.nonce]
    const sendOptions = { ...options, idempotencyKey: await this.#vendorKey(about) }
    await using holds = new AsyncDisposableStack()
    const invocation = await this.#send(call, await this.#open(holds), sendOptions)
    return { invocation, isReplayed: false }
  }

  async #invokeOnce(
    call: ActionCall,
    options: InvokeOptions & Required<Pick<InvokeOptions, 'idempotencyKey'>>,
  ): Promise<InvocationEnd> {
    const { principal, instanceId, action: name, inputHash } = this.#known.subject
    const { idempotencyKey: key, idempotencyScope, timeoutMs } = options
    const { idempotency: store, logger, key: sealingKey, hash } = this.#tools
    const isShared = idempotencyScope === 'instance'
    if (isShared) await this.#requireGoodToken()
    const owner = isShared ? instanceId : principal
    // The account is that of the configuration which is sent, so it is opened first. A stored result needs
    // none.
    await using holds = new AsyncDisposableStack()
    const opened = await this.#open(holds).catch((failure: unknown) => ({ failure }))
    const account = 'failure' in opened ? undefined : await this.#accountHash(opened)
    const request = {
      principal: owner,
      key,
      requestHash: await hash.of(['invoke', instanceId, name, inputHash]),
      lockedSeconds: Math.ceil((timeoutOf(timeoutMs) * steps) / 1000),
      ...(account !== undefined && { account }),
    }
    const work = async (begin: IdempotencyBegin): Promise<Invocation> => {
      const { attempt, firstTicket } = begin
      if (attempt > 1) this.#requireRepeatable()
      if ('failure' in opened) throw opened.failure
      if (attempt > 1) this.#requireSameAccount(begin.account, account)
      await this.#useToken(await hash.of(['token for', key]))
      // Each attempt has the same, so that the vendor does it once; after a refusal there is another ticket,
      // or the vendor would refuse again.
      const about = firstTicket === null ? [] : [firstTicket]
      const vendorKey = ['key', owner, instanceId, name, key, ...about]
      return this.#send(call, opened, {
        ...options,
        idempotencyKey: await this.#vendorKey(vendorKey),
        mayComeAgain: true,
        cameBefore: attempt > 1,
      })
    }
    const mayRepeat = isRepeatable(this.#known.action.descriptor)
    return await invokeOnce(request, work, { store, logger, key: sealingKey, mayRepeat })
  }

  /**
   * Somebody may have put a secret of the instance in the place of a field's name: the error does not repeat
   * it.
   */
  async #checkInput(): Promise<ActionCall> {
    const { instance, action, input } = this.#known
    try {
      return action.call(input)
    } catch (error) {
      const { source } = await this.#tools.instances.peekConfig(instance.name)
      throw this.#execution(source).error(withInstance(error, instance.name))
    }
  }

  /** Whether the vendor did it before the process died is not known. */
  #requireRepeatable(): void {
    const { action, descriptor } = this.#known
    if (isRepeatable(action.descriptor)) return
    const { name } = action.descriptor
    const reason = 'the process that carried it out died, or could not store the result'
    throw new ConnectError('action_outcome_unknown', {
      details: { vendor: descriptor.title, action: name, reason },
    })
  }

  /** Another account would do again what the first one may have done. A call that only reads does nothing. */
  #requireSameAccount(first: string | null, present: string | undefined): void {
    const { action, descriptor, instance } = this.#known
    if (action.descriptor.effect === 'read' || (first !== null && first === present)) return
    const details = {
      vendor: descriptor.title,
      action: action.descriptor.name,
      instance: instance.name,
      outcome_unknown: true,
    }
    throw new ConnectError('action_account_changed', { details })
  }

  /** The stored result may be another caller's: nobody gets it by a token that does not permit the call. */
  async #requireGoodToken(): Promise<void> {
    const { token, subject } = this.#known
    if (token !== undefined) await this.#tools.tokens.verify(token, subject)
  }

  async #accountHash({ source }: OpenClient): Promise<string> {
    const { descriptor, actions, instance } = this.#known
    const { config } = source
    const { version } = instance
    return this.#tools.hash.of(['account', vendorAccount({ descriptor, actions, config, version })])
  }

  /** It stays open until the holds are disposed. */
  async #open(holds: AsyncDisposableStack): Promise<OpenClient> {
    const { instance, actions } = this.#known
    const opened = await this.#tools.clients.get(instance, actions)
    holds.use(opened.hold())
    return opened
  }

  /**
   * The token of the call, if it has one. `usedFor`: a call for which it may be used again, as another
   * attempt.
   */
  async #useToken(usedFor: string | null): Promise<VerifiedToken | undefined> {
    const { token, subject, instance } = this.#known
    if (token === undefined) return undefined
    const verified = await this.#tools.tokens.verify(token, subject)
    const { nonce, expiresAt } = verified
    if (await this.#tools.usedTokens.use(nonce, expiresAt, usedFor)) return verified
    throw new ConnectError('dry_run_token_used', {
      details: { action: subject.action, instance: instance.name },
    })
  }

  async #send(
    call: ActionCall,
    opened: OpenClient,
    {
      idempotencyKey,
      timeoutMs,
      abandoned,
      mayComeAgain = false,
      cameBefore = false,
    }: CallOptions & Pick<SendOptions, 'idempotencyKey'> & Partial<SendOptions>,
  ): Promise<Invocation> {
    const { instance, action } = this.#known
    const { clients, running, logger } = this.#tools
    const { stopping } = running
    using waiting = abandoned === undefined ? undefined : joinedSignal(stopping, abandoned)
    try {
      const { output, requestId } = await opened.client.send(call, {
        idempotencyKey,
        timeoutMs: timeoutOf(timeoutMs),
        signal: running.cut,
        stopWaiting: waiting?.signal ?? stopping,
        mayComeAgain,
        cameBefore,
      })
      const failure = await opened.shared.waitUntilSettled()
      if (failure !== undefined)
        logger.warn(
          { instance: instance.name, code: failure.code },
          'a changed token could not be stored',
        )
      // Even a successful response may repeat the values that were sent.
      return {
        action: action.descriptor.name,
        output: opened.execution.document(output),
        vendorRequestId: requestId === null ? null : opened.execution.text(requestId),
      }
    } catch (error) {
      if (error instanceof ConnectError && credentialFailures.has(error.code))
        clients.expire(instance.id)
      throw opened.execution.error(await this.#explain(opened.shared.current, error))
    }
  }

  async #explain(config: ResolvedConfig['config'], error: unknown): Promise<unknown> {
    if (!(error instanceof ConnectError) || error.code !== 'source_authorization_lost') return error
    const { reason } = error.details
    return this.#tools.instances.noteAuthorizationLost(this.#known.instance.name, {
      config,
      reason: typeof reason === 'string' ? reason : error.message,
    })
  }

  #execution(source: ResolvedConfig): Execution {
    const execution = new Execution({
      logger: this.#tools.logger,
      facts: { instance: this.#known.instance.name },
    })
    execution.hide(source.secrets)
    return execution
  }

  /** By which the vendor recognizes a repeated call. */
  #vendorKey(about: readonly string[]): Promise<string> {
    return this.#tools.hash.of(['vendor key', ...about])
  }
}

/** After which the secrets are read again for the next call. */
const credentialFailures = new Set<ConnectError['code']>([
  'source_authorization_lost',
  'action_credentials_refused',
  'action_permission_denied',
])

/** A connector does not know the name of the instance, by which its actions are looked up. */
function withInstance(error: unknown, instance: string): unknown {
  if (!(error instanceof ConnectError) || error.code !== 'action_input_invalid') return error
  const details = { ...error.details, instance }
  return new ConnectError(error.code, { details, cause: error })
}

function unsupportedFacts(level: DryRunLevel, vendor: string): JsonObject {
  if (level === 'unsupported')
    return {
      condition: '',
      fix: `Use an instance with credentials of a test account of ${vendor}, or try the change in a sandbox of a connection.`,
    }
  return {
    condition: ' in a test mode with these credentials',
    fix: 'Ask for `"dry_run": "synthesized"` (on the command line `--dry-run=synthesized`), which sends nothing, or use an instance with credentials of a test mode.',
  }
}

function timeoutOf(timeoutMs: number | undefined): number {
  return timeoutMs ?? standardTimeoutSeconds * 1000
}

function masked(request: DryRun['request'], execution: Execution): DryRun['request'] {
  const { method, url, headers, body } = request
  return {
    method,
    url: execution.text(url),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, execution.text(value)]),
    ),
    ...(body !== undefined && { body: execution.document(body) }),
  }
}
