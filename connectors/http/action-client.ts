import { HeldBack, ManifestClient } from '../../manifest-interpreter/source/manifest-client.ts'
import { SourceError, TransportError } from '../../manifest-interpreter/contracts.ts'
import type { HttpResponse } from '../../manifest-interpreter/http/http-response.ts'
import { str } from '../../manifest-interpreter/value/text.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import {
  isRepeatable,
  type ActionCall,
  type ActionRequest,
  type ActionResponse,
} from '../action.ts'
import type { ActionDescriptor } from '../descriptor-schema.ts'
import type { ActionClient, ActionContext, ActionOutcome, SendOptions } from '../connector.ts'
import type { LoadedManifest } from '../manifest/load-manifest-file.ts'
import { configOf } from '../manifest/source-config.ts'
import { SourceEnvironment } from '../manifest/source-environment.ts'
import { toHttpRequest, withKey } from './action-request.ts'
import { bodyOf, requireJson, requireResult } from './action-response.ts'
import { requestIdOf, statusFailure, type VendorApi, type VendorFailure } from './vendor-api.ts'

/** More steps than an action has: one that never ends is a mistake of its connector. */
const maxSteps = 20

/** Sends the actions of one instance by the rules of its connector's manifest. */
export class HttpActionClient implements ActionClient {
  readonly #api: VendorApi
  readonly #config: JsonObject
  readonly #context: ActionContext
  readonly #environment: SourceEnvironment
  readonly #client: ManifestClient

  constructor(
    api: VendorApi,
    {
      config,
      context,
      loaded,
    }: {
      readonly config: JsonObject
      readonly context: ActionContext
      readonly loaded: LoadedManifest
    },
  ) {
    this.#api = api
    this.#config = config
    this.#context = context
    this.#environment = new SourceEnvironment({ context, manifestDirectory: loaded.directory })
    this.#client = new ManifestClient({
      manifest: loaded.manifest,
      config: configOf(config),
      environment: this.#environment,
    })
  }

  async send(call: ActionCall, options: SendOptions): Promise<ActionOutcome> {
    const responses: ActionResponse[] = []
    let request: ActionRequest | undefined = call.plan(this.#config)
    let last: ActionResponse | undefined
    while (request !== undefined && responses.length < maxSteps) {
      const sent = request
      const response = await this.#sendStep(call, withKey(sent, this.#api, options), options)
      responses.push(response)
      last = response
      request = this.#readable(call, response, () => {
        // What takes an upload is not the vendor's API.
        if (sent.isUnauthorized !== true) requireJson(response.body)
        return call.next(this.#config, responses)
      })
    }
    if (last === undefined) throw new TypeError('an action sent no request')
    const { body } = last
    const result = call.result.bind(call, last)
    const output = this.#readable(call, last, () =>
      requireResult({ body, output: result() }, call.descriptor.output),
    )
    return { output, requestId: requestIdOf(this.#api, last) ?? null }
  }

  async #sendStep(
    call: ActionCall,
    request: ActionRequest,
    options: SendOptions,
  ): Promise<ActionResponse> {
    const { descriptor } = call
    const { timeoutMs } = options
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([timeout, options.signal])
    try {
      const response = await this.#client.send(toHttpRequest(request), {
        name: descriptor.name,
        signal,
        timeoutMs,
        isUnauthorized: request.isUnauthorized === true,
        mayRepeat: (outcome) =>
          wasNotProcessed(outcome, this.#api) || (isRepeatable(descriptor) && mayPass(outcome)),
      })
      return await this.#read(response, descriptor)
    } catch (error) {
      throw this.#explain(error, descriptor, { isTimeout: timeout.aborted })
    }
  }

  async #read(response: HttpResponse, descriptor: ActionDescriptor): Promise<ActionResponse> {
    const { status } = response
    const headers = headersOf(response)
    const bytes = await response.bytes()
    const read: ActionResponse = { status, headers, body: bodyOf(bytes) }
    const failure = this.#api.failure ? this.#api.failure(read, descriptor) : statusFailure(read)
    if (failure !== undefined) throw this.#failed(failure, read, descriptor)
    return read
  }

  #failed(
    failure: VendorFailure,
    response: ActionResponse,
    descriptor: ActionDescriptor,
  ): ConnectError {
    const { name } = descriptor
    const { kind, message: reason, code } = failure
    const requestId = requestIdOf(this.#api, response)
    const codeName =
      kind === 'failed' && !isRepeatable(descriptor) ? 'action_outcome_unknown' : failureCodes[kind]
    return new ConnectError(codeName, {
      details: {
        ...this.#facts(name),
        reason,
        status: response.status,
        ...(code !== undefined && { vendor_code: code }),
        ...(requestId !== undefined && { vendor_request_id: requestId }),
      },
    })
  }

  #explain(
    error: unknown,
    descriptor: ActionDescriptor,
    about: { readonly isTimeout: boolean },
  ): unknown {
    if (error instanceof ConnectError) return error
    const facts = this.#facts(descriptor.name)
    const unclear = isRepeatable(descriptor) ? 'action_unavailable' : 'action_outcome_unknown'
    if (error instanceof HeldBack) {
      const details = { ...facts, reason: error.message }
      return new ConnectError('action_rate_limited', { details, cause: error })
    }
    if (about.isTimeout) {
      const reason = 'it did not respond in time'
      return new ConnectError(unclear, { details: { ...facts, reason }, cause: error })
    }
    if (error instanceof TransportError) {
      const code = wasNotProcessed(error, this.#api) ? 'action_unavailable' : unclear
      const details = { ...facts, reason: error.message }
      return new ConnectError(refusalCodes.get(error.kind) ?? code, { details, cause: error })
    }
    if (error instanceof SourceError) {
      const { failureType, message: reason } = error
      const isConfig = failureType === 'config_error'
      const code = isConfig ? 'action_credentials_refused' : 'action_unavailable'
      return new ConnectError(code, { details: { ...facts, reason }, cause: error })
    }
    return error
  }

  #facts(action: string): JsonObject {
    return { vendor: this.#api.title, action, instance: this.#context.instance }
  }

  /** What `read` makes of the responses so far. */
  #readable<Result>(call: ActionCall, response: ActionResponse, read: () => Result): Result {
    try {
      return read()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const requestId = requestIdOf(this.#api, response)
      const details = {
        ...this.#facts(call.descriptor.name),
        reason,
        status: response.status,
        ...(requestId !== undefined && { vendor_request_id: requestId }),
      }
      throw new ConnectError('action_response_unreadable', { details, cause: error })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#environment[Symbol.asyncDispose]()
  }
}

const failureCodes = {
  credentials: 'action_credentials_refused',
  permission: 'action_permission_denied',
  'rate limit': 'action_rate_limited',
  refused: 'action_refused',
  failed: 'action_unavailable',
} as const

/** The request was never sent: it would not be the next time either. */
const refusalCodes = new Map<TransportError['kind'], ConnectError['code']>([
  ['invalid-url', 'action_address_refused'],
  ['invalid-scheme', 'action_address_refused'],
  ['refused-address', 'action_address_refused'],
  // The vendor sends the caller elsewhere: the object has moved.
  ['refused-redirect', 'action_refused'],
])

/** Before a connection stands nothing is sent. */
const unconnected = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** The vendor refuses what is wrong with the request itself each time. */
function mayPass(outcome: HttpResponse | TransportError): boolean {
  if (outcome instanceof TransportError) return !refusalCodes.has(outcome.kind)
  return outcome.status >= 500 || passingStatuses.has(outcome.status)
}

const passingStatuses = new Set([401, 408, 409, 425])

function wasNotProcessed(outcome: HttpResponse | TransportError, api: VendorApi): boolean {
  if (!(outcome instanceof TransportError)) {
    const { status } = outcome
    return api.isTurnedAway?.({ status, headers: headersOf(outcome) }) ?? status === 429
  }
  const { cause } = outcome
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' && unconnected.has(code)
}

/** Names in lower case. */
function headersOf({ headers }: HttpResponse): ReadonlyMap<string, string> {
  return new Map([...headers].map(([name, value]) => [str(name).toLowerCase(), str(value)]))
}
