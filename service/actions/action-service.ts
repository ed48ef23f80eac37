import { createHmac, randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { isRepeatable, type Action, type ActionCall } from '../../connectors/action.ts'
import type { ConnectorActions } from '../../connectors/connector.ts'
import type { ActionDescriptor } from '../../connectors/descriptor-schema.ts'
import { canonicalJson } from '../../lib/text/canonical-json.ts'
import { ConnectError, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import type { CatalogConnector } from '../catalog/catalog-service.ts'
import { Execution } from '../execution/execution.ts'
import type { ResolvedConfig } from '../execution/resolved-config.ts'
import type { InstanceService } from '../instances/contract.ts'
import type { Instance } from '../instances/schema.ts'
import type { InvokeContext } from '../platform/access/access-request.ts'
import type { IdempotencyStore } from '../platform/http/idempotency-contract.ts'
import { StoredKey } from '../platform/vault/stored-key.ts'
import type { Vault } from '../platform/vault/vault.ts'
import type { ActionClients } from './action-clients.ts'
import type {
  ActionService,
  InvocationEnd,
  InvokeCall,
  InvokeOptions,
  UsedTokenStore,
} from './contract.ts'
import { DryRunTokens, type DryRunSubject, type VerifiedToken } from './dry-run-token.ts'
import { invokeOnce } from './invoke-once.ts'
import { standardTimeoutSeconds, type DryRun, type Invocation } from './schema.ts'

export interface ActionServiceOptions {
  readonly instances: Pick<
    InstanceService,
    'get' | 'resolveConfig' | 'peekConfig' | 'noteAuthorizationLost'
  >
  readonly catalog: { connector(type: string): CatalogConnector }
  readonly clients: ActionClients
  readonly usedTokens: UsedTokenStore
  readonly idempotency: IdempotencyStore
  readonly vault: Vault
  readonly logger: Logger
  /** Aborted when the service stops. */
  readonly stopping: AbortSignal
  now(): number
}

/** A call whose action exists. */
interface Prepared {
  readonly instance: Instance
  readonly actions: ConnectorActions
  readonly action: Action
  readonly title: string
}

/** A step more than uploads have. */
const steps = 4

export class StoredActionService implements ActionService {
  readonly #options: ActionServiceOptions
  readonly #tokens: DryRunTokens
  readonly #key: StoredKey

  constructor(options: ActionServiceOptions) {
    this.#options = options
    this.#tokens = new DryRunTokens(options.vault, () => options.now())
    this.#key = new StoredKey(options.vault, 'actions/result-key')
  }

  async list(instanceName: string): Promise<readonly ActionDescriptor[]> {
    const { type } = await this.#options.instances.get(instanceName)
    const { actions } = this.#options.catalog.connector(type).connector
    return ((await actions?.load()) ?? []).map(({ descriptor }) => descriptor)
  }

  async get(instanceName: string, actionName: string): Promise<ActionDescriptor> {
    const { action } = await this.#prepare({ instance: instanceName, action: actionName })
    return action.descriptor
  }

  async contextOf(
    request: Pick<InvokeCall, 'instance' | 'action'> & { isDryRun: boolean; token?: string },
  ): Promise<InvokeContext> {
    const { isDryRun: dryRun, token } = request
    const prepared = await this.#prepare(request).catch(orUndefined)
    const { effect, name } = prepared?.action.descriptor ?? { effect: '', name: '' }
    return { dryRun, planned: token !== undefined && !dryRun, effect, name }
  }

  async dryRun(request: InvokeCall): Promise<DryRun> {
    const prepared = await this.#prepare(request)
    const { instance, action, actions, title } = prepared
    const call = await this.#checkInput(prepared, request.input)
    const { source, credentials } = await this.#options.instances.peekConfig(instance.name)
    const subject = await this.#subjectOf(request, prepared)
    const { token, nonce, expiresAt } = await this.#tokens.issue(subject)
    const idempotencyKey = await this.#vendorKey(['token', nonce])
    const execution = this.#execution(instance, source)
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
    const tried = await this.#send(prepared, call, {
      idempotencyKey: randomUUID(),
      timeoutMs: request.timeoutMs,
    })
    return { ...about, dryRun: level, output: tried.output, vendorRequestId: tried.vendorRequestId }
  }

  async invoke(request: InvokeCall & InvokeOptions): Promise<InvocationEnd> {
    const prepared = await this.#prepare(request)
    const call = await this.#checkInput(prepared, request.input)
    const subject = await this.#subjectOf(request, prepared)
    const { token, idempotencyKey } = request
    const verified = token === undefined ? undefined : await this.#tokens.verify(token, subject)
    const { effect } = prepared.action.descriptor
    request.onBegin?.({ effect, inputHash: subject.inputHash })
    const vendorKey = await this.#vendorKey(keySource(verified, subject, idempotencyKey))
    const work = async (attempt: number): Promise<Invocation> => {
      if (attempt > 1) this.#requireRepeatable(prepared)
      if (verified !== undefined && attempt === 1) await this.#useToken(verified, subject)
      return this.#send(prepared, call, {
        idempotencyKey: vendorKey,
        timeoutMs: request.timeoutMs,
      })
    }
    if (idempotencyKey === undefined) return { invocation: await work(1), isReplayed: false }
    const { idempotency: store, logger } = this.#options
    const { principal, instanceId, action, inputHash } = subject
    const once = {
      principal,
      key: idempotencyKey,
      requestHash: await this.#hash(['invoke', instanceId, action, inputHash]),
      lockedSeconds: Math.ceil((timeoutOf(request.timeoutMs) * steps) / 1000),
    }
    return invokeOnce(once, work, { store, logger, key: this.#key })
  }

  async #prepare({
    instance: instanceName,
    action: name,
  }: Pick<InvokeCall, 'instance' | 'action'>): Promise<Prepared> {
    const instance = await this.#options.instances.get(instanceName)
    const { connector } = this.#options.catalog.connector(instance.type)
    const { actions, descriptor } = connector
    const loaded = (await actions?.load()) ?? []
    const action = loaded.find((candidate) => candidate.descriptor.name === name)
    if (actions === undefined || action === undefined)
      throw new ConnectError('action_not_found', {
        details: { instance: instanceName, type: instance.type, action: name },
      })
    return { instance, actions, action, title: descriptor.title }
  }

  /** Somebody may have put a secret of the instance in the place of a field's name: the error does not repeat it. */
  async #checkInput({ instance, action }: Prepared, input: JsonObject): Promise<ActionCall> {
    try {
      return action.call(input)
    } catch (error) {
      const { source } = await this.#options.instances.peekConfig(instance.name)
      throw this.#execution(instance, source).error(error)
    }
  }

  async #subjectOf(
    { principal, input }: Pick<InvokeCall, 'principal' | 'input'>,
    { instance, action }: Prepared,
  ): Promise<DryRunSubject> {
    return {
      principal,
      instanceId: instance.id,
      instanceVersion: instance.version,
      action: action.descriptor.name,
      inputHash: await this.#hash(input),
    }
  }

  /** Whether the vendor did it before the process died is not known. */
  #requireRepeatable({ action, title }: Prepared): void {
    if (isRepeatable(action.descriptor)) return
    const { name } = action.descriptor
    const reason = 'the process that carried it out died'
    throw new ConnectError('action_outcome_unknown', {
      details: { vendor: title, action: name, reason },
    })
  }

  async #useToken({ nonce, expiresAt }: VerifiedToken, { action }: DryRunSubject): Promise<void> {
    if (await this.#options.usedTokens.use(nonce, expiresAt)) return
    throw new ConnectError('dry_run_token_used', { details: { action } })
  }

  async #send(
    { instance, actions, action }: Prepared,
    call: ActionCall,
    options: { readonly idempotencyKey: string; readonly timeoutMs: number | undefined },
  ): Promise<Invocation> {
    const { instances, clients, stopping } = this.#options
    const source = await instances.resolveConfig(instance.name)
    const opened = await clients.get(instance, source, actions)
    try {
      const { output, requestId } = await opened.use((client) =>
        client.send(call, {
          idempotencyKey: options.idempotencyKey,
          timeoutMs: timeoutOf(options.timeoutMs),
          signal: stopping,
        }),
      )
      const failure = await opened.shared.waitUntilSettled()
      if (failure !== undefined)
        this.#options.logger.warn(
          { instance: instance.name, code: failure.code },
          'a changed token could not be stored',
        )
      // A vendor may repeat what it was sent also when it succeeds.
      return {
        action: action.descriptor.name,
        output: maskedValue(output, opened.execution),
        vendorRequestId: requestId === null ? null : opened.execution.text(requestId),
      }
    } catch (error) {
      throw opened.execution.error(await this.#explain(instance, opened.shared.current, error))
    }
  }

  async #explain(
    { name }: Instance,
    config: ResolvedConfig['config'],
    error: unknown,
  ): Promise<unknown> {
    if (!(error instanceof ConnectError) || error.code !== 'source_authorization_lost') return error
    const { reason } = error.details
    return this.#options.instances.noteAuthorizationLost(name, {
      config,
      reason: typeof reason === 'string' ? reason : error.message,
    })
  }

  #execution({ name }: Instance, source: ResolvedConfig): Execution {
    const { logger } = this.#options
    const execution = new Execution({ logger, facts: { instance: name } })
    execution.hide(source.secrets)
    return execution
  }

  /** By which the vendor recognizes a repeated call. */
  #vendorKey(about: readonly string[]): Promise<string> {
    return this.#hash(['vendor key', ...about])
  }

  /** Keyed: nobody without the vault can find the value by trying. */
  async #hash(value: JsonValue): Promise<string> {
    const { bytes } = await this.#key.get()
    return createHmac('sha256', bytes).update(canonicalJson(value)).digest('hex')
  }
}

function timeoutOf(timeoutMs: number | undefined): number {
  return timeoutMs ?? standardTimeoutSeconds * 1000
}

/** The request that a dry-run showed has its key; a repeated request has the same; any other is the only one. */
function keySource(
  verified: VerifiedToken | undefined,
  { principal, instanceId, action }: DryRunSubject,
  idempotencyKey: string | undefined,
): readonly string[] {
  if (verified !== undefined) return ['token', verified.nonce]
  if (idempotencyKey === undefined) return ['once', randomUUID()]
  return ['key', principal, instanceId, action, idempotencyKey]
}

function masked(request: DryRun['request'], execution: Execution): DryRun['request'] {
  const { method, url, headers, body } = request
  return {
    method,
    url: execution.text(url),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, execution.text(value)]),
    ),
    ...(body !== undefined && { body: maskedValue(body, execution) }),
  }
}

function maskedValue(value: JsonValue, execution: Execution): JsonValue {
  if (typeof value === 'string') return execution.text(value)
  if (Array.isArray(value)) return value.map((item: JsonValue) => maskedValue(item, execution))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      execution.text(name),
      maskedValue(item, execution),
    ]),
  )
}

const absent = new Set<ConnectError['code']>(['instance_not_found', 'action_not_found'])

function orUndefined(error: unknown): undefined {
  if (error instanceof ConnectError && absent.has(error.code)) return undefined
  throw error
}
