import { HttpClient } from '../components/requesters/http-client.ts'
import { reportingSecrets } from '../components/requesters/telling-secrets.ts'
import { unlessAborted } from '../../lib/async/unless-aborted.ts'
import { component, optionalComponent } from '../definition.ts'
import type { Authenticator, Environment, ErrorHandler, ErrorResolution } from '../contracts.ts'
import { TransportError, type HttpRequest } from '../contracts.ts'
import { setHeader } from '../http/prepare-request.ts'
import type { HttpResponse } from '../http/http-response.ts'
import { SourceHttp } from '../http/source-http.ts'
import type { Manifest } from '../manifest/load-manifest.ts'
import { entries } from '../value/dict.ts'
import { str } from '../value/text.ts'
import type { Dict } from '../value/value.ts'
import { ConfiguredManifest } from './configured-manifest.ts'

export interface ClientCall {
  /** For the log. */
  readonly name: string
  /** Aborted to cut a request that is under way. */
  readonly signal: AbortSignal
  /** Aborted to send nothing more: waits end, and a request that is under way goes on. */
  readonly stopWaiting: AbortSignal
  /** After which `signal` is aborted. */
  readonly timeoutMs: number
  /**
   * The time until which requests are held back, in milliseconds since 1970, because another request was
   * turned away. Default: none is held back.
   */
  heldUntilMs?(): number | undefined
  /** True if the request must not get the authorization. */
  readonly isUnauthorized?: boolean
  /**
   * Whether the request may be sent again after this outcome, if the error handler of the manifest wants to.
   */
  mayRepeat(outcome: HttpResponse | TransportError, resolution: ErrorResolution): boolean
}

/**
 * Sends single requests by the rules that a manifest has for its streams: the authenticator, the error
 * handler and the limits of the `requester` in its `definitions`. Close the transport of the environment at
 * the end.
 */
export class ManifestClient {
  readonly #configured: ConfiguredManifest
  readonly #authenticator: Authenticator
  readonly #withoutAuthenticator: Authenticator
  readonly #errorHandler: ErrorHandler

  /** Throws if the manifest and the configuration do not fit together. */
  constructor(options: {
    readonly manifest: Manifest
    readonly config: Dict
    readonly environment: Environment
  }) {
    this.#configured = new ConfiguredManifest(options)
    const { environment } = this.#configured
    const requester = component(component(options.manifest.definition, 'definitions'), 'requester')
    // An authenticator that logs in sends requests of its own, and shares their token between all calls.
    const builder = this.#configured.builder({ http: this.#http(environment) })
    const context = { streamName: 'actions' }
    this.#authenticator = reportingSecrets(
      builder.build('authenticator', component(requester, 'authenticator'), context),
      environment,
    )
    this.#withoutAuthenticator = builder.build('authenticator', { type: 'NoAuth' }, context)
    const errorHandler = optionalComponent(requester, 'error_handler')
    this.#errorHandler = builder.build(
      'errorHandler',
      errorHandler ?? { type: 'DefaultErrorHandler' },
      context,
    )
  }

  /** Masks what must not be shown. */
  get secrets(): ConfiguredManifest['secrets'] {
    return this.#configured.secrets
  }

  /**
   * Adds the authorization and sends the request. Resolves with the last response, also if it reports a
   * failure. Rejects with a TransportError if no response came, and with a SourceError if there is no token.
   * When one of the signals of the call is aborted: ends as the last try did, if no other one had begun;
   * rejects with NotSent or HeldBack if none was made. Rejects with the reason of `call.signal` if that is
   * aborted while a try is under way.
   */
  async send(request: HttpRequest, call: ClientCall): Promise<HttpResponse> {
    const last: LastTry = { isBegun: false, outcome: undefined }
    const ending = endingCall(call, this.#configured.environment)
    const environment = withinCall(this.#configured.environment, ending, last)
    const authenticator =
      call.isUnauthorized === true ? this.#withoutAuthenticator : this.#authenticator
    const client = new HttpClient({
      environment,
      http: this.#http(environment, ending),
      authenticator,
      errorHandler: returningFailures(this.#errorHandler, call, last),
      sendOptions: { cacheName: undefined, aheadBytes: () => Number.POSITIVE_INFINITY },
    })
    try {
      const { headers } = await authenticator.options()
      for (const [name, value] of entries(headers))
        setHeader(request.headers, str(name), str(value))
      await client.send(request, call.name)
    } catch (error) {
      // If there is an outcome, the tries are used up, it may not be repeated, or the call ended before the
      // next try.
      if (last.outcome === undefined) throw endOf(error, ending, last)
    }
    if (last.outcome === undefined) throw new TypeError('a request had no outcome')
    if (last.outcome instanceof TransportError) throw last.outcome
    return last.outcome
  }

  /**
   * Applies the limits of the manifest, and the wait that the vendor asked for. A call that these hold back
   * ends when its time is up.
   */
  #http(environment: Environment, call?: EndingCall): SourceHttp {
    const { budget } = this.#configured
    const ended = call?.ended ?? environment.signal
    return new SourceHttp({
      environment,
      budget: {
        acquire: async (request) => {
          if (call !== undefined) await untilFree(call, environment)
          if (budget === undefined) return
          await unlessAborted(budget.acquire(request), ended)
          if (ended.aborted) throw new HeldBack(moreThanLimits)
        },
        observe: (request, response) => {
          budget?.observe(request, response)
        },
      },
    })
  }
}

const moreThanLimits =
  'more requests of the instance wait than its limits let through in the time of the call'
const turnedAwayBefore =
  'another request of the instance was turned away, and the wait that it was asked for is not over'

/** There was no room for a request within the time of its call: it was not sent. */
export class HeldBack extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'HeldBack'
  }
}

/** The call ended before its request was sent. */
export class NotSent extends Error {
  constructor(cause: unknown) {
    super('the call ended before its request was sent', { cause })
    this.name = 'NotSent'
  }
}

interface LastTry {
  isBegun: boolean
  /** Undefined while it goes on. */
  outcome: HttpResponse | TransportError | undefined
}

interface EndingCall extends ClientCall {
  /** Aborted with either of the signals. */
  readonly ended: AbortSignal
  /** When the time of the call is up. */
  readonly endMicros: number
}

function endingCall(call: ClientCall, environment: Environment): EndingCall {
  return {
    ...call,
    ended: AbortSignal.any([call.signal, call.stopWaiting]),
    endMicros: environment.nowMicros() + call.timeoutMs * 1000,
  }
}

/** A wait that the time of the call is too short for is not begun. */
async function untilFree(call: EndingCall, environment: Environment): Promise<void> {
  for (;;) {
    const freeMicros = (call.heldUntilMs?.() ?? 0) * 1000
    const waitMicros = freeMicros - environment.nowMicros()
    if (waitMicros <= 0) return
    if (freeMicros > call.endMicros) throw new HeldBack(turnedAwayBefore)
    await environment.sleep(waitMicros / 1e6)
  }
}

/** The error of a call whose last try has no outcome. */
function endOf(error: unknown, { signal, ended }: EndingCall, { isBegun }: LastTry): unknown {
  if (!ended.aborted || error instanceof HeldBack) return error
  if (!isBegun) return new NotSent(error)
  return signal.aborted ? signal.reason : error
}

/** The caller interprets failures: an outcome that may not be repeated ends the call. */
function returningFailures(handler: ErrorHandler, call: ClientCall, last: LastTry): ErrorHandler {
  return {
    maxRetries: handler.maxRetries,
    maxTimeSeconds: handler.maxTimeSeconds,
    backoffSeconds: (outcome, attempt) =>
      isWithoutTime(outcome) ? Promise.resolve(null) : handler.backoffSeconds(outcome, attempt),
    interpret: async (outcome) => {
      // A request that breaks off because the call ends has no outcome.
      if (!(outcome instanceof TransportError && call.signal.aborted)) last.outcome = outcome
      const resolution = await handler.interpret(outcome)
      const isRepeated = repeating.has(resolution.action) && call.mayRepeat(outcome, resolution)
      if (isRepeated) return resolution
      const action = outcome instanceof TransportError ? 'FAIL' : 'SUCCESS'
      return { ...resolution, action }
    },
  }
}

/**
 * A failure that says no time is followed by the next try after 1, 2, 4, … seconds: somebody waits for the
 * call, and the constant wait that some manifests have for their streams is longer than it may take.
 */
function isWithoutTime(outcome: HttpResponse | TransportError): boolean {
  if (outcome instanceof TransportError) return true
  return outcome.status >= 500 && outcome.headers.text('retry-after') === undefined
}

const repeating = new Set<ErrorResolution['action']>([
  'RETRY',
  'RATE_LIMITED',
  'REFRESH_TOKEN_THEN_RETRY',
])

/**
 * Notes when a try begins: before that, the call may end and nothing was sent. No wait goes beyond the time
 * of the call: the outcome so far is its result then.
 */
function withinCall(
  environment: Environment,
  { signal, ended, endMicros }: EndingCall,
  last: LastTry,
): Environment {
  return {
    ...environment,
    signal,
    transport: {
      send: (request, sendSignal) => {
        ended.throwIfAborted()
        last.isBegun = true
        last.outcome = undefined
        return environment.transport.send(request, sendSignal)
      },
    },
    sleep: async (seconds) => {
      if (environment.nowMicros() + seconds * 1e6 > endMicros)
        throw new TransportError('timeout', 'The next try would be too late.')
      await unlessAborted(environment.sleep(seconds), ended)
      ended.throwIfAborted()
    },
  }
}
