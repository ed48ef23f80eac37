import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { joinedSignal } from '../../lib/async/joined-signal.ts'
import { isRepeatable, type Action, type ActionCall } from '../../connectors/action.ts'
import type { ConnectorActions, SendOptions } from '../../connectors/connector.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import { Execution } from '../execution/execution.ts'
import type { ResolvedConfig } from '../execution/resolved-config.ts'
import type { InstanceService } from '../instances/contract.ts'
import type { Instance } from '../instances/schema.ts'
import type { InvokeContext } from '../platform/access/access-request.ts'
import type { IdempotencyBegin, IdempotencyStore } from '../platform/http/idempotency-contract.ts'
import type { StoredKey } from '../platform/vault/stored-key.ts'
import type { ActionClients } from './action-clients.ts'
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
import { standardTimeoutSeconds, type DryRun, type Invocation } from './schema.ts'

/** What calls share. */
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

/** What is known of a call. */
interface KnownCall {
  readonly instance: Instance
  readonly actions: ConnectorActions
  readonly action: Action
  /** Of the vendor. */
  readonly title: string
  readonly input: JsonObject
  readonly subject: DryRunSubject
  /** Of a dry-run; not verified yet. */
  readonly token: string | undefined
  readonly context: InvokeContext
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
    const { instance, action, actions, title, subject } = this.#known
    const call = await this.#checkInput()
    const { source, credentials } = await this.#tools.instances.peekConfig(instance.name)
    const { token, nonce, expiresAt } = await this.#tools.tokens.issue(subject)
    const idempotencyKey = await this.#vendorKey(['token', nonce])
    const execution = this.#execution(source)
    const { level, request: shown } = actions.preview(call, source.config, { idempotencyKey })
    if (level === 'unsupported')
      throw new ConnectError('dry_run_unsupported', {
        details: { vendor: title, action: action.descriptor.name },
      })
    const { name, effect, requiresConfirmation } = action.descriptor
    const facts = { action: name, effect, requiresConfirmation, credentials }
    const about = {
      ...facts,
      request: masked(shown, execution),
      token,
      expiresAt: expiresAt.toISOString(),
    }
    if (level === 'synthesized') return { ...about, dryRun: level, vendorRequestId: null }
    // The key of the vendor's test mode is another one: the invocation that follows must not get the result of this one.
    const tried = await this.#send(call, { ...options, idempotencyKey: randomUUID() })
    return { ...about, dryRun: level, output: tried.output, vendorRequestId: tried.vendorRequestId }
  }

  async #invoke(options: InvokeOptions): Promise<InvocationEnd> {
    const { action, subject } = this.#known
    const { idempotencyKey, timeoutMs } = options
    const call = await this.#checkInput()
    const { idempotency: store, logger, key, hash } = this.#tools
    if (idempotencyKey === undefined) {
      const used = await this.#useToken(null)
      const about = used === undefined ? ['once', randomUUID()] : ['token', used.nonce]
      const vendorKey = await this.#vendorKey(about)
      const invocation = await this.#send(call, { ...options, idempotencyKey: vendorKey })
      return { invocation, isReplayed: false }
    }
    const { principal, instanceId, action: name, inputHash } = subject
    const once = {
      principal,
      key: idempotencyKey,
      requestHash: await hash.of(['invoke', instanceId, name, inputHash]),
      lockedSeconds: Math.ceil((timeoutOf(timeoutMs) * steps) / 1000),
    }
    const work = async ({ attempt, firstTicket }: IdempotencyBegin): Promise<Invocation> => {
      if (attempt > 1) this.#requireRepeatable()
      await this.#useToken(await hash.of(['token for', idempotencyKey]))
      // Each attempt has the same, so that the vendor does it once; after a refusal there is another ticket, or the vendor would refuse again.
      const about = firstTicket === null ? [] : [firstTicket]
      const vendorKey = ['key', principal, instanceId, name, idempotencyKey, ...about]
      return this.#send(call, {
        ...options,
        idempotencyKey: await this.#vendorKey(vendorKey),
        mayComeAgain: true,
        cameBefore: attempt > 1,
      })
    }
    const mayRepeat = isRepeatable(action.descriptor)
    return invokeOnce(once, work, { store, logger, key, mayRepeat })
  }

  /** Somebody may have put a secret of the instance in the place of a field's name: the error does not repeat it. */
  async #checkInput(): Promise<ActionCall> {
    const { instance, action, input } = this.#known
    try {
      return action.call(input)
    } catch (error) {
      const { source } = await this.#tools.instances.peekConfig(instance.name)
      throw this.#execution(source).error(error)
    }
  }

  /** Whether the vendor did it before the process died is not known. */
  #requireRepeatable(): void {
    const { action, title } = this.#known
    if (isRepeatable(action.descriptor)) return
    const { name } = action.descriptor
    const reason = 'the process that carried it out died, or could not store the result'
    throw new ConnectError('action_outcome_unknown', {
      details: { vendor: title, action: name, reason },
    })
  }

  /** The token of the call, if it has one. `usedFor`: a call for which it may be used again, as another attempt. */
  async #useToken(usedFor: string | null): Promise<VerifiedToken | undefined> {
    const { token, subject } = this.#known
    if (token === undefined) return undefined
    const verified = await this.#tools.tokens.verify(token, subject)
    const { nonce, expiresAt } = verified
    if (await this.#tools.usedTokens.use(nonce, expiresAt, usedFor)) return verified
    throw new ConnectError('dry_run_token_used', { details: { action: subject.action } })
  }

  async #send(
    call: ActionCall,
    {
      idempotencyKey,
      timeoutMs,
      abandoned,
      mayComeAgain = false,
      cameBefore = false,
    }: CallOptions & Pick<SendOptions, 'idempotencyKey'> & Partial<SendOptions>,
  ): Promise<Invocation> {
    const { instance, actions, action } = this.#known
    const { clients, running, logger } = this.#tools
    const { stopping } = running
    const opened = await clients.get(instance, actions)
    using waiting = abandoned === undefined ? undefined : joinedSignal(stopping, abandoned)
    try {
      const { output, requestId } = await opened.use((client) =>
        client.send(call, {
          idempotencyKey,
          timeoutMs: timeoutOf(timeoutMs),
          signal: running.cut,
          stopWaiting: waiting?.signal ?? stopping,
          mayComeAgain,
          cameBefore,
        }),
      )
      const failure = await opened.shared.waitUntilSettled()
      if (failure !== undefined)
        logger.warn(
          { instance: instance.name, code: failure.code },
          'a changed token could not be stored',
        )
      // A vendor may repeat what it was sent also when it succeeds.
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
