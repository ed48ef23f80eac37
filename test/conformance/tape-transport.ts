import { Readable } from 'node:stream'
import { TransportError } from '../../manifest-interpreter/contracts.ts'
import { decompress } from '../../manifest-interpreter/http/decompress.ts'
import { HttpResponse } from '../../manifest-interpreter/http/http-response.ts'
import { ResponseHeaders } from '../../manifest-interpreter/http/response-headers.ts'
import { canonicalJson } from './canonical.ts'
import { parseExact } from '../../protocol/index.ts'
import type { HttpRequest, Transport } from '../../manifest-interpreter/contracts.ts'

/** One recorded exchange, as the README of the cases describes it. */
export interface Exchange {
  readonly stream?: string
  readonly role?: string
  readonly request: RecordedRequest
  readonly response?: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string
    readonly body_base64?: string
  }
  /** A connection error with this text, in the place of a response. */
  readonly error?: string
}
interface RecordedRequest {
  readonly method: string
  readonly url: string
  readonly query: readonly (readonly [string, string])[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

/**
 * Responds to requests from a tape: the n-th request of a key gets the n-th exchange of the key, then the
 * last one again.
 */
export class TapeTransport implements Transport {
  readonly #byKey = new Map<string, Exchange[]>()
  readonly #sent = new Map<string, number>()
  /** Requests that the tape does not hold. */
  readonly unknown: string[] = []

  constructor(exchanges: readonly Exchange[]) {
    for (const exchange of exchanges) {
      const key = keyOf(exchange.request)
      const known = this.#byKey.get(key)
      if (known === undefined) this.#byKey.set(key, [exchange])
      else known.push(exchange)
    }
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    await Promise.resolve()
    const key = keyOf(recorded(request))
    const count = (this.#sent.get(key) ?? 0) + 1
    this.#sent.set(key, count)
    const exchanges = this.#byKey.get(key) ?? []
    const exchange = exchanges[Math.min(count, exchanges.length) - 1]
    if (exchange === undefined) {
      this.unknown.push(key)
      throw new Error(`The tape does not hold ${key}`)
    }
    const { response } = exchange
    if (response === undefined) throw new TransportError('connection', exchange.error ?? '')
    const headers = new ResponseHeaders(Object.entries(response.headers))
    return new HttpResponse({
      status: response.status,
      headers,
      url: request.url,
      body: decompress(Readable.from([bytesOf(response)]), headers.text('content-encoding')),
    })
  }

  /**
   * Keys that were sent more or less often than recorded, with both counts. `ignored`: streams whose
   * responses depend on order.
   */
  differences(): string[] {
    const keys = new Set([...this.#byKey.keys(), ...this.#sent.keys()])
    return [...keys].flatMap((key) => {
      const expected = this.#byKey.get(key)?.length ?? 0
      const sent = this.#sent.get(key) ?? 0
      return expected === sent ? [] : [`sent ${sent} times instead of ${expected}: ${key}`]
    })
  }
}

function bytesOf({ body, body_base64: base64 }: NonNullable<Exchange['response']>): Buffer {
  return base64 === undefined ? Buffer.from(body ?? '') : Buffer.from(base64, 'base64')
}

const LEFT_OUT = new Set(['user-agent', 'accept-encoding', 'connection', 'content-length', 'host'])

function recorded(request: HttpRequest): RecordedRequest {
  const [url = '', search = ''] = request.url.split('#', 1)[0]?.split(/\?(.*)/s) ?? []
  const headers = [...request.headers]
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name, value]) => !LEFT_OUT.has(name) && !(name === 'accept' && value === '*/*'))
  const body = request.body
  return {
    method: request.method,
    url,
    query: pairsOf(search),
    headers: Object.fromEntries(headers),
    body: body === null || typeof body === 'string' ? body : Buffer.from(body).toString('utf8'),
  }
}

function keyOf(request: RecordedRequest): string {
  const headers = Object.entries(request.headers).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const contentType = request.headers['content-type'] ?? ''
  return canonicalJson([
    request.method,
    request.url,
    request.query.map(([name, value]) => `${name}=${value}`).toSorted(),
    headers.map(([name, value]) => `${name}: ${value}`),
    canonicalBody(request.body, contentType),
  ])
}

function canonicalBody(body: string | null, contentType: string) {
  if (body === null || body === '') return null
  if (contentType.includes('json') || body.startsWith('{') || body.startsWith('[')) {
    try {
      return ['json', parseExact(body)] as const
    } catch {
      // Not JSON after all: compared as text.
    }
  }
  if (contentType.includes('x-www-form-urlencoded'))
    return pairsOf(body)
      .map(([name, value]) => `${name}=${value}`)
      .toSorted()
  return body
}

/** The decoded pairs of a query or a form, empty values kept. */
function pairsOf(text: string): (readonly [string, string])[] {
  return [...new URLSearchParams(text)]
}
