import {
  ConnectError,
  isJsonObject,
  parseExact,
  type JsonObject,
  type JsonValue,
  type RecordData,
} from '../../../protocol/index.ts'
import type { ConnectorContext, RecordOutput } from '../../connector.ts'
import { StreamRequests, type StreamBytes, type StreamRequest } from '../../http/stream-requests.ts'
import type { LoadedManifest } from '../../manifest/load-manifest-file.ts'
import { dataPath, requireAddress } from '../address.ts'
import { CallBudget } from '../call-budget.ts'
import { salesforceError } from '../failure.ts'

export interface SalesforceApiOptions {
  readonly loaded: LoadedManifest
  readonly config: JsonObject
  /** The stream that is read; undefined for a check or a discovery. */
  readonly stream?: string
  readonly out?: Pick<RecordOutput, 'rateLimited'>
  readonly context: ConnectorContext
  readonly maxRetrySeconds?: number
}

export interface QueryPage {
  readonly records: readonly RecordData[]
  /** The number of records of all pages. */
  readonly totalSize: number
  /** The path of the next page; undefined after the last one. */
  readonly next: string | undefined
  readonly serverTime: number | undefined
}

/** A refusal in the words of Salesforce, for callers who know what to do about it. */
export class SalesforceRefusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.name = 'SalesforceRefusal'
    this.status = status
    this.code = code
  }
}

/** Sends requests by the rules of the manifest and within the budget. Dispose it at the end. */
export class SalesforceApi implements AsyncDisposable {
  readonly #requests: StreamRequests
  readonly #budget: CallBudget
  readonly #stream: string
  readonly #isSigned: boolean
  readonly subject: string

  /** Throws `source_config_invalid` if the address cannot be one of Salesforce. */
  constructor(options: SalesforceApiOptions) {
    const { config, context, stream, out = { rateLimited: () => undefined } } = options
    requireAddress(config)
    this.subject = stream === undefined ? 'Salesforce' : `Stream ${stream}`
    this.#stream = stream ?? 'salesforce'
    this.#isSigned = typeof config.private_key === 'string' && config.private_key !== ''
    this.#budget = new CallBudget(config, { subject: this.subject, context })
    this.#requests = new StreamRequests({
      ...options,
      stream: this.#stream,
      subject: this.subject,
      out,
    })
  }

  /** @param path below the version of the API, of encoded segments */
  async get(path: string, params: StreamRequest['params'] = {}): Promise<JsonObject> {
    return this.#object(await this.#send('requester', { path: `${dataPath}/${path}`, params }))
  }

  async post(path: string, body: JsonObject): Promise<JsonValue> {
    return this.#json(await this.#send('post_requester', { path: `${dataPath}/${path}`, body }))
  }

  /** The response as it came, such as CSV. */
  bytes(path: string, params: StreamRequest['params']): Promise<StreamBytes> {
    return this.#send('requester', { path: `${dataPath}/${path}`, params: params ?? {} })
  }

  /** The first page of a query. */
  async query(
    soql: string,
    { withDeleted }: { readonly withDeleted: boolean },
  ): Promise<QueryPage> {
    const path = `${dataPath}/${withDeleted ? 'queryAll' : 'query'}`
    return this.#page(await this.#send('requester', { path, params: { q: soql } }))
  }

  /** @param path as the page before named it */
  async nextPage(path: string): Promise<QueryPage> {
    if (!path.startsWith('/services/data/'))
      throw this.unreadable('the address of the next page is none of Salesforce')
    return this.#page(await this.#send('requester', { path: path.slice(1), params: {} }))
  }

  sleep(seconds: number): Promise<void> {
    return this.#requests.sleep(seconds)
  }

  unreadable(reason: string): ConnectError {
    return new ConnectError('source_answer_unreadable', {
      details: { stream: this.#stream, reason },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests[Symbol.asyncDispose]()
  }

  async #send(requester: string, request: StreamRequest): Promise<StreamBytes> {
    this.#budget.require()
    const response = await this.#respond(requester, request)
    this.#budget.note(response.header('sforce-limit-info'))
    if (response.status < 300) return response
    const error = salesforceError(jsonIn(response) ?? null)
    if (error === undefined)
      throw this.unreadable(
        `It has status ${String(response.status)} and is no refusal of Salesforce.`,
      )
    throw new SalesforceRefusal(
      response.status,
      error.code,
      `${error.message.trim()} (${error.code})`,
    )
  }

  async #respond(requester: string, request: StreamRequest): Promise<StreamBytes> {
    try {
      return await this.#requests.bytes(requester, request)
    } catch (error) {
      const isRefused = error instanceof ConnectError && error.code === 'source_authorization_lost'
      if (!isRefused || !this.#isSigned) throw error
      const details = { subject: this.subject, reason: refusedSignature }
      throw new ConnectError('source_refused', { details, cause: error })
    }
  }

  #page(response: StreamBytes): QueryPage {
    const body = this.#object(response)
    const { records, totalSize, done, nextRecordsUrl: next } = body
    const isPage =
      Array.isArray(records) && records.every(isJsonObject) && typeof done === 'boolean'
    if (!isPage || typeof totalSize !== 'number' || (!done && typeof next !== 'string'))
      throw this.unreadable('A response is no page of a query.')
    const page = { records, totalSize, serverTime: response.serverTime }
    return { ...page, next: done || typeof next !== 'string' ? undefined : next }
  }

  #object(response: StreamBytes): JsonObject {
    const body = this.#json(response)
    if (!isJsonObject(body)) throw this.unreadable('A response is no object of the API.')
    return body
  }

  #json(response: StreamBytes): JsonValue {
    const body = jsonIn(response)
    if (body === undefined) throw this.unreadable('A response is no JSON, or was cut off.')
    return body
  }
}

/** There is no authorization of a person that could be renewed. */
const refusedSignature =
  'Salesforce does not log in the user with the private key (invalid_grant). Check `client_id` and `username`, that the certificate of the External Client App belongs to `private_key`, that its policies let the user in (admin approved users are pre-authorized), and that `domain` is a sandbox if the user is one of a sandbox'

/** Numbers have their exact value. Undefined if it is no JSON. */
function jsonIn({ bytes }: StreamBytes): JsonValue | undefined {
  try {
    return parseExact(Buffer.from(bytes).toString('utf8')) as JsonValue
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
