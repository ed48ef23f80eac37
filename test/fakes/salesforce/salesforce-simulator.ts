import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonValue } from '../../../protocol/index.ts'
import { SalesforceOAuth } from './oauth.ts'
import { Organization, username } from './organization.ts'
import { answered, RestApi, userInfo, type ApiAnswer } from './rest-api.ts'
import { SalesforceError } from './salesforce-error.ts'

export interface SalesforceRequest {
  readonly method: string
  /** With its query. */
  readonly url: string
  readonly body: string
}

/** Faults around a write of a collection. */
export interface WriteFaults {
  /** Its answer comes in the place of the write, which is not carried out. */
  before?(request: SalesforceRequest): ApiAnswer | undefined
  /** Its answer comes in the place of the results of a write that was carried out; `cut`: no answer. */
  after?(request: SalesforceRequest): ApiAnswer | 'cut' | undefined
}

/** The access token of every new simulator. */
export const accessToken = '00DHs0000000001!planted-session'

/** An organization of Salesforce on loopback, with OAuth, REST, SOQL and the Bulk API 2.0. */
export class SalesforceSimulator implements AsyncDisposable {
  readonly organization = new Organization()
  readonly oauth = new SalesforceOAuth()
  readonly api: RestApi
  readonly requests: SalesforceRequest[] = []
  /** False: `requests` stays empty, for many of them. */
  keepsRequests = true
  readonly url: string
  /** Rows of a page of a query, unless the request asks for less. */
  pageSize = 2000
  dailyCalls = 15_000
  usedCalls = 0
  /** So much the clock of the front server is ahead of the stamps. */
  skewMs = 0
  faults: WriteFaults = {}
  /** Each answer comes that much later. */
  delayMs = 0
  readonly #planned: ApiAnswer[] = []
  readonly #close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.#close = close
    this.oauth.accessTokens.add(accessToken)
    this.api = new RestApi(this.organization, () => ({
      max: this.dailyCalls,
      used: this.usedCalls,
    }))
  }

  static async start(): Promise<SalesforceSimulator> {
    const server = createServer((request, response) => {
      simulator.#respond(request, response).catch((error: unknown) => {
        response.writeHead(599).end(String(error))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const simulator = new SalesforceSimulator(`http://127.0.0.1:${String(port)}`, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    return simulator
  }

  /** The next call of the API gets this, once. */
  answerOnce(answer: ApiAnswer): void {
    this.#planned.push(answer)
  }

  /** The calls whose address contains this. */
  callsOf(part: string): readonly SalesforceRequest[] {
    return this.requests.filter(({ url }) => url.includes(part))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const body = await text(request)
    if (this.keepsRequests) this.requests.push({ method, url, body })
    if (this.delayMs > 0) await sleep(this.delayMs)
    const { pathname, searchParams } = new URL(url, this.url)
    const date = new Date(this.organization.nowMs + this.skewMs).toUTCString()
    if (pathname === '/services/oauth2/authorize') {
      const back = this.oauth.authorize(searchParams)
      response.writeHead(back === null ? 400 : 302, {
        date,
        ...(back !== null && { location: back }),
      })
      response.end()
      return
    }
    const answer = this.#withFaults({ method, url, body }, pathname, () =>
      this.#answer({ pathname, searchParams, body, headers, method }),
    )
    if (answer === 'cut') {
      request.socket.destroy()
      return
    }
    this.#send(response, answer, date)
  }

  #withFaults(
    request: SalesforceRequest,
    pathname: string,
    answer: () => ApiAnswer,
  ): ApiAnswer | 'cut' {
    const { method } = request
    const isGuarded = pathname.endsWith('/composite') && request.body.includes('"PATCH"')
    const isCollection =
      method !== 'GET' && pathname.includes('/composite/sobjects') && !isRetrieval(pathname, method)
    const isWrite = isGuarded || isCollection
    if (!isWrite) return answer()
    const refused = this.faults.before?.(request)
    if (refused !== undefined) return refused
    const carriedOut = answer()
    return this.faults.after?.(request) ?? carriedOut
  }

  #send(response: ServerResponse, answer: ApiAnswer, date: string): void {
    const isText = typeof answer.body === 'string'
    response.writeHead(answer.status, {
      date,
      ...(answer.body !== null && { 'content-type': 'application/json;charset=UTF-8' }),
      'sforce-limit-info': `api-usage=${String(this.usedCalls)}/${String(this.dailyCalls)}`,
      ...answer.headers,
    })
    if (answer.body === null) response.end()
    else response.end(isText ? answer.body : JSON.stringify(answer.body))
  }

  #answer(request: {
    readonly pathname: string
    readonly searchParams: URLSearchParams
    readonly body: string
    readonly headers: IncomingMessage['headers']
    readonly method: string
  }): ApiAnswer {
    const { pathname, searchParams, body, headers, method } = request
    if (pathname === '/services/oauth2/token') {
      const { nowMs } = this.organization
      const { status, body: answer } = this.oauth.token(new URLSearchParams(body), {
        url: this.url,
        nowMs,
      })
      return { status, body: answer as JsonValue }
    }
    return answered(() => {
      if (!this.#isKnown(headers.authorization))
        throw new SalesforceError('INVALID_SESSION_ID', 'Session expired or invalid', {
          status: 401,
        })
      if (pathname === '/services/oauth2/userinfo')
        return { status: 200, body: { ...userInfo, preferred_username: username } }
      const planned = this.#planned.shift()
      if (planned !== undefined) return planned
      return this.#api({ pathname, searchParams, body, headers, method })
    })
  }

  #api({
    pathname,
    searchParams,
    body,
    headers,
    method,
  }: {
    readonly pathname: string
    readonly searchParams: URLSearchParams
    readonly body: string
    readonly headers: IncomingMessage['headers']
    readonly method: string
  }): ApiAnswer {
    if (this.usedCalls >= this.dailyCalls)
      throw new SalesforceError('REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.', {
        status: 403,
      })
    this.usedCalls += 1
    const [, version = '', rest = ''] = /^\/services\/data\/v(\d+\.0)\/?(.*)$/.exec(pathname) ?? []
    if (version === '')
      return {
        status: 200,
        body: [{ label: "Spring '26", url: '/services/data/v66.0', version: '66.0' }],
      }
    if (Number(version) <= 30)
      throw new SalesforceError('UNSUPPORTED_API_VERSION', `API version ${version} is retired`, {
        status: 410,
      })
    const [, size = ''] = /batchSize=(\d+)/.exec(String(headers['sforce-query-options'])) ?? []
    return this.api.answer({
      method,
      path: rest.split('/').map(decodeURIComponent),
      query: searchParams,
      body: jsonOf(body),
      root: `/services/data/v${version}`,
      pageSize: size === '' ? this.pageSize : Math.min(this.pageSize, Number(size)),
      unmodifiedSince: headers['if-unmodified-since'],
    })
  }

  #isKnown(authorization = ''): boolean {
    const [, token = ''] = /^(?:Bearer|OAuth) (.+)$/.exec(authorization) ?? []
    return this.oauth.accessTokens.has(token)
  }
}

function jsonOf(body: string): JsonValue {
  if (body === '') return null
  try {
    return JSON.parse(body) as JsonValue
  } catch {
    throw new SalesforceError('JSON_PARSER_ERROR', 'Unexpected character')
  }
}

/** Records by their ids: `POST …/composite/sobjects/Account`. */
function isRetrieval(pathname: string, method: string): boolean {
  return method === 'POST' && !pathname.endsWith('/composite/sobjects')
}
