import { ManifestClient } from '../../manifest-interpreter/source/manifest-client.ts'
import type { HttpResponse } from '../../manifest-interpreter/http/http-response.ts'
import type { JsonObject } from '../../protocol/index.ts'
import type { ActionCall, ActionRequest, ActionResponse } from '../action.ts'
import type { ActionDescriptor } from '../descriptor-schema.ts'
import type { ActionClient, ActionContext, ActionOutcome, SendOptions } from '../connector.ts'
import type { LoadedManifest } from '../manifest/load-manifest-file.ts'
import { configOf } from '../manifest/source-config.ts'
import { SourceEnvironment } from '../manifest/source-environment.ts'
import {
  failedRequest,
  mayRepeat,
  reportedFailure,
  unreadableResponse,
  type SentRequest,
} from './action-failure.ts'
import { toHttpRequest, withKey } from './action-request.ts'
import { AskedWaits } from './asked-waits.ts'
import {
  bodyOf,
  headersOf,
  maxResponseBytes,
  requireJson,
  requireResult,
} from './action-response.ts'
import {
  requestIdOf,
  requireMark,
  statusFailure,
  type VendorApi,
  type VendorFailure,
} from './vendor-api.ts'

/** More steps than an action has: an action that never ends is a mistake of its connector. */
const maxSteps = 20

const neverAborted = (): AbortSignal => new AbortController().signal

/** Sends the actions of one instance by the rules of its connector's manifest. */
export class HttpActionClient implements ActionClient {
  readonly #api: VendorApi
  readonly #config: JsonObject
  readonly #context: ActionContext
  readonly #environment: SourceEnvironment
  readonly #client: ManifestClient
  readonly #waits: AskedWaits

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
    this.#waits = new AskedWaits(api)
    this.#config = config
    this.#context = context
    this.#environment = new SourceEnvironment({
      context,
      manifestDirectory: loaded.directory,
      maxBodyBytes: maxResponseBytes,
    })
    this.#client = new ManifestClient({
      manifest: loaded.manifest,
      config: configOf(config),
      environment: this.#environment,
    })
  }

  async send(call: ActionCall, options: SendOptions): Promise<ActionOutcome> {
    const responses: ActionResponse[] = []
    let request: ActionRequest | undefined = call.plan(this.#config)
    while (request !== undefined && responses.length < maxSteps) {
      const planned: ActionRequest = withKey(request, this.#api, options)
      // A call that has begun goes on to its last step: half of it is of no use.
      const isFirst = responses.length === 0
      const { stopWaiting = neverAborted() } = isFirst ? options : {}
      const response = await this.#sendStep(call, planned, { ...options, stopWaiting })
      responses.push(response)
      request = this.#readable(call, response, () => {
        // The server that accepts an upload is not the vendor's API.
        if (planned.isUnauthorized !== true) {
          requireJson(response.body)
          requireMark(this.#api, response)
        }
        return call.next(this.#config, responses)
      })
    }
    const last = responses.at(-1)
    if (last === undefined) throw new TypeError('an action sent no request')
    const output = this.#readable(call, last, () =>
      requireResult({ body: last.body, output: call.result(last) }, call),
    )
    return { output, requestId: requestIdOf(this.#api, last) ?? null }
  }

  async #sendStep(
    call: ActionCall,
    request: ActionRequest,
    options: SendOptions & Required<Pick<SendOptions, 'stopWaiting'>>,
  ): Promise<ActionResponse> {
    const { descriptor } = call
    const { timeoutMs, stopWaiting } = options
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([timeout, options.signal])
    const sent = this.#sentRequest(descriptor, options)
    const isUnauthorized = request.isUnauthorized === true
    try {
      const response = await this.#client.send(toHttpRequest(request), {
        name: descriptor.name,
        signal,
        stopWaiting,
        timeoutMs,
        isUnauthorized,
        // The server that accepts an upload has limits of its own.
        ...(!isUnauthorized && { heldUntilMs: () => this.#waits.heldUntilMs(descriptor) }),
        mayRepeat: (outcome) => mayRepeat(sent, outcome),
      })
      return await this.#read(response, { sent, request })
    } catch (error) {
      const isCut = options.signal.aborted
      const isStopped = isCut || stopWaiting.aborted
      throw failedRequest(error, sent, { isTimeout: timeout.aborted, isStopped, isCut })
    }
  }

  async #read(
    response: HttpResponse,
    { sent, request }: { readonly sent: SentRequest; readonly request: ActionRequest },
  ): Promise<ActionResponse> {
    const { status } = response
    const cameAtMs = sent.heard?.response === response ? sent.heard.atMs : sent.now()
    const body = bodyOf(await response.bytes())
    const read: ActionResponse = { status, headers: headersOf(response), body }
    const failure = this.#failureOf(read, { sent, request })
    if (failure !== undefined) throw reportedFailure(failure, { response: read, cameAtMs }, sent)
    return read
  }

  #failureOf(
    response: ActionResponse,
    { sent, request }: { readonly sent: SentRequest; readonly request: ActionRequest },
  ): VendorFailure | undefined {
    // It got no credentials that it could refuse, and its status is all that it says.
    if (request.isUnauthorized === true) {
      const failure = statusFailure(response)
      const isRefusal = failure?.kind === 'credentials' || failure?.kind === 'permission'
      return isRefusal ? { ...failure, kind: 'refused' } : failure
    }
    return this.#api.failure
      ? this.#api.failure(response, sent.descriptor)
      : statusFailure(response)
  }

  #sentRequest(
    descriptor: ActionDescriptor,
    { mayComeAgain = false, cameBefore = false }: Partial<SendOptions> = {},
  ): SentRequest {
    const { instance, now } = this.#context
    const facts = { api: this.#api, descriptor, instance, now, waits: this.#waits }
    return { ...facts, mayComeAgain, isUnclear: cameBefore, heard: undefined }
  }

  /** Returns the result of `read`, which interprets the responses so far. */
  #readable<Result>(call: ActionCall, response: ActionResponse, read: () => Result): Result {
    try {
      return read()
    } catch (error) {
      throw unreadableResponse(error, response, this.#sentRequest(call.descriptor))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#environment[Symbol.asyncDispose]()
  }
}
