import type { HttpResponse } from '../../manifest-interpreter/http/http-response.ts'
import { SourceHttp } from '../../manifest-interpreter/http/source-http.ts'
import type { Builder } from '../../manifest-interpreter/component.ts'
import type { Requester } from '../../manifest-interpreter/contracts.ts'
import { component } from '../../manifest-interpreter/definition.ts'
import { ConfiguredManifest } from '../../manifest-interpreter/source/configured-manifest.ts'
import { StreamSlice } from '../../manifest-interpreter/value/stream-slice.ts'
import { ConnectError, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import type { ConnectorContext, RecordOutput } from '../connector.ts'
import type { LoadedManifest } from '../manifest/load-manifest-file.ts'
import { configOf } from '../manifest/source-config.ts'
import { SourceEnvironment } from '../manifest/source-environment.ts'
import { authorizationFailure, sourceFailure } from '../manifest/source-failure.ts'

export interface StreamBytes {
  readonly status: number
  readonly bytes: Uint8Array
  /** The first value of a header, by its name. */
  header(name: string): string | undefined
  /** By the clock of the server, in seconds since 1970; undefined if it does not say. */
  readonly serverTime: number | undefined
}

export interface StreamRequest {
  /** Encoded segments, relative to the address of the requester. */
  readonly path: string
  readonly params?: Readonly<Record<string, JsonValue>>
  /** Sent as JSON, if the requester's method has a body. */
  readonly body?: JsonObject
}

export interface StreamResponse {
  readonly status: number
  readonly body: JsonValue
  /** By the clock of the server, in seconds since 1970; undefined if it does not say. */
  readonly serverTime: number | undefined
}

export interface StreamRequestsOptions {
  readonly loaded: LoadedManifest
  readonly config: JsonObject
  readonly stream: string
  /** For errors, as the beginning of a sentence. Default: the stream. */
  readonly subject?: string
  readonly out: Pick<RecordOutput, 'rateLimited'>
  readonly context: ConnectorContext
  /** See `Environment`. */
  readonly maxRetrySeconds?: number
}

/**
 * Sends the requests of a stream that is read by code, by the rules of a requester in the `definitions` of
 * the connector's manifest: its address, headers, authorization, error handler, and the limits of the API.
 * Dispose it at the end.
 */
export class StreamRequests implements AsyncDisposable {
  readonly #stream: string
  readonly #subject: string
  readonly #environment: SourceEnvironment
  readonly #configured: ConfiguredManifest
  readonly #http: SourceHttp
  readonly #builder: Builder
  readonly #requesters = new Map<string, Requester>()

  constructor(options: StreamRequestsOptions) {
    const { loaded, config, stream, out, context, maxRetrySeconds } = options
    this.#stream = stream
    this.#subject = options.subject ?? `Stream ${stream}`
    this.#environment = new SourceEnvironment({
      context,
      manifestDirectory: loaded.directory,
      unreadableAnswers: 'fail',
      ...(maxRetrySeconds !== undefined && { maxRetrySeconds }),
      emit: (message) => {
        if (message.kind === 'rate-limited')
          out.rateLimited(context.now() + (message.seconds ?? 0) * 1000)
      },
    })
    const { manifest } = loaded
    this.#configured = new ConfiguredManifest({
      manifest,
      config: configOf(config),
      environment: this.#environment,
    })
    const { budget, environment } = this.#configured
    this.#http = new SourceHttp({ environment, ...(budget !== undefined && { budget }) })
    this.#builder = this.#configured.builder({ http: this.#http })
  }

  /**
   * @param requester its name in `definitions`; it has no path of its own
   * @param request.path of encoded segments, relative to the address of the requester
   * @returns the response, also one that the error handler ignores. Rejects with the ConnectError of any
   * other failure.
   */
  async get(
    requester: string,
    request: { readonly path: string; readonly params: Readonly<Record<string, JsonValue>> },
  ): Promise<StreamResponse> {
    return this.#withSubject(async () => {
      const response = await this.#send(requester, request)
      const body = this.#json(await response.bytes(), response)
      return { status: response.status, body, serverTime: serverTimeOf(response) }
    })
  }

  /** The same as `get`, with the body as it came. */
  async bytes(requester: string, request: StreamRequest): Promise<StreamBytes> {
    return this.#withSubject(async () => {
      const response = await this.#send(requester, request)
      return {
        status: response.status,
        bytes: await response.bytes(),
        header: (name) => response.headers.text(name),
        serverTime: serverTimeOf(response),
      }
    })
  }

  /** Waits, unless the read is stopped. */
  sleep(seconds: number): Promise<void> {
    return this.#environment.sleep(seconds)
  }

  async #withSubject<Result>(send: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#configured.withMaskedErrors(send)
    } catch (error) {
      const { authorizationLost } = this.#environment
      if (authorizationLost !== undefined)
        throw authorizationFailure(authorizationLost, this.#subject)
      throw sourceFailure(error, this.#subject)
    }
  }

  async #send(
    requester: string,
    { path, params = {}, body }: StreamRequest,
  ): Promise<HttpResponse> {
    const response = await this.#requester(requester).send({
      scope: { slice: StreamSlice.empty, nextPageToken: null },
      path,
      params: configOf(params),
      ...(body !== undefined && { bodyJson: configOf(body) }),
      stream: this.#stream,
    })
    if (response === null) throw this.#unreadable('no response came')
    return response
  }

  #requester(name: string): Requester {
    const known = this.#requesters.get(name)
    if (known !== undefined) return known
    const definitions = component(this.#configured.manifest.definition, 'definitions')
    const context = { streamName: this.#stream }
    const made = this.#builder.build('requester', component(definitions, name), context)
    this.#requesters.set(name, made)
    return made
  }

  #json(bytes: Uint8Array, { plainJson }: HttpResponse): JsonValue {
    // Plain values are those of JSON.parse.
    const value = (plainJson as JsonValue | undefined) ?? parseJsonBody(bytes)
    if (value === undefined) throw this.#unreadable('a response is no JSON, or was cut off')
    return value
  }

  #unreadable(reason: string): ConnectError {
    const details = { stream: this.#stream, reason }
    return new ConnectError('source_answer_unreadable', { details })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.close()
    await this.#environment[Symbol.asyncDispose]()
  }
}

function serverTimeOf({ headers }: HttpResponse): number | undefined {
  const date = Date.parse(headers.text('date') ?? '')
  return Number.isNaN(date) ? undefined : Math.floor(date / 1000)
}

/** The JSON of a body; undefined if it is none, or was cut off. */
function parseJsonBody(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as JsonValue
  } catch {
    return undefined
  }
}
