import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { JsonObject } from '../../../protocol/index.ts'
import { parseForm } from './form.ts'
import { listOf, searchOf, shown } from './lists.ts'
import { create, operate, remove, update } from './operations.ts'
import { resources } from './resources.ts'
import { StripeAccount } from './stripe-account.ts'
import { missing, StripeRefusal } from './stripe-error.ts'

export interface StripeRequest {
  readonly method: string
  /** Without `/v1/`. */
  readonly path: string
  readonly query: JsonObject
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/**
 * The fault of a request. `refusal`: it is not processed. `lost`: it is processed, but nobody learns of it.
 * `slow`: it is in flight until then. `cut`: half of the response arrives as if it were complete.
 */
type Mishap =
  | { readonly kind: 'refusal'; readonly refusal: StripeRefusal }
  | { readonly kind: 'lost' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'slow'; readonly until: Promise<unknown> }

interface Replay {
  readonly request: string
  answer: Promise<Answer>
  isInFlight: boolean
}

interface Answer {
  readonly status: number
  readonly body: JsonObject
  readonly headers?: Readonly<Record<string, string>>
}

const versions = /^20\d\d-\d\d-\d\d(?:\.[a-z]+)?$/

/**
 * Stripe's API on loopback, with state: lists newest first, objects, events, and the actions that the
 * connector has. Keys: any `sk_…`; `rk_…` may only read what `restricted` names.
 */
export class StripeSimulator implements AsyncDisposable {
  readonly account = new StripeAccount()
  readonly requests: StripeRequest[] = []
  /** The paths that a restricted key may read. */
  restricted: readonly string[] = []
  /** Called before each request is carried out: for what happens at Stripe meanwhile. */
  onRequest: (request: StripeRequest) => void = () => undefined
  port = 0
  readonly #mishaps: { readonly at: RegExp; readonly mishap: Mishap }[] = []
  readonly #replays = new Map<string, Replay>()
  readonly #server = createServer((incoming, response) => {
    void this.#respond(incoming, response)
  })
  #requestCount = 0

  static async start(): Promise<StripeSimulator> {
    const simulator = new StripeSimulator()
    simulator.#server.listen(0, '127.0.0.1')
    await once(simulator.#server, 'listening')
    const address = simulator.#server.address()
    simulator.port = typeof address === 'object' && address !== null ? address.port : 0
    return simulator
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`
  }

  /** The next request whose method and path match does not go well. */
  disturb(pattern: RegExp, mishap: Mishap): void {
    this.#mishaps.push({ at: pattern, mishap })
  }

  refuse(pattern: RegExp, refusal: StripeRefusal, times = 1): void {
    for (let time = 0; time < times; time += 1) this.disturb(pattern, { kind: 'refusal', refusal })
  }

  /** Paths with their method that were asked for, in order. */
  get asked(): readonly string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await received(incoming)
    this.requests.push(request)
    this.#requestCount += 1
    const mishap = this.#takeMishap(`${request.method} ${request.path}`)
    const answer = await this.#answer(request, mishap).catch(refused)
    if (mishap?.kind === 'lost') {
      incoming.socket.destroy()
      return
    }
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'request-id': `req_${String(this.#requestCount)}`,
      date: new Date(this.account.now * 1000).toUTCString(),
      ...answer.headers,
    })
    const body = JSON.stringify(answer.body)
    response.end(mishap?.kind === 'cut' ? body.slice(0, body.length / 2) : body)
  }

  #takeMishap(asked: string): Mishap | undefined {
    const found = this.#mishaps.findIndex(({ at: pattern }) => pattern.test(asked))
    return found < 0 ? undefined : this.#mishaps.splice(found, 1)[0]?.mishap
  }

  async #answer(request: StripeRequest, mishap: Mishap | undefined): Promise<Answer> {
    if (mishap?.kind === 'refusal') throw mishap.refusal
    this.#authorize(request)
    this.onRequest(request)
    const carryOut = async (): Promise<Answer> => {
      if (mishap?.kind === 'slow') await mishap.until
      return this.#carryOut(request)
    }
    const key = request.headers['idempotency-key']
    if (typeof key !== 'string' || request.method !== 'POST') return carryOut()
    return this.#once(key, request, carryOut)
  }

  /** https://docs.stripe.com/api/idempotent_requests */
  async #once(
    key: string,
    request: StripeRequest,
    carryOut: () => Promise<Answer>,
  ): Promise<Answer> {
    const description = `${request.path} ${request.body}`
    const known = this.#replays.get(key)
    if (known === undefined) {
      const replay: Replay = { request: description, answer: carryOut(), isInFlight: true }
      this.#replays.set(key, replay)
      try {
        return await replay.answer
      } catch (error) {
        // A refusal of the parameters was not begun, and is not stored.
        const { status, body } = refused(error)
        if (status === 400 || status === 404 || status === 429) this.#replays.delete(key)
        else replay.answer = Promise.resolve({ status, body })
        throw error
      } finally {
        replay.isInFlight = false
      }
    }
    if (known.request !== description)
      throw new StripeRefusal(400, {
        type: 'idempotency_error',
        message:
          'Keys for idempotent requests can only be used with the same parameters they were first used with.',
      })
    if (known.isInFlight)
      throw new StripeRefusal(409, {
        code: 'idempotency_key_in_use',
        message: 'There is currently another in-progress request using this Idempotent Key.',
      })
    return { ...(await known.answer), headers: { 'idempotent-replayed': 'true' } }
  }

  #authorize({ headers, method, path }: StripeRequest): void {
    const [, key = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? []
    if (!/^[rs]k_(?:test|live)_\w+$/.test(key))
      throw new StripeRefusal(401, { message: `Invalid API Key provided: ${key.slice(0, 8)}***` })
    if (
      key.startsWith('rk_') &&
      !(method === 'GET' && this.restricted.includes(path.split('/')[0] ?? ''))
    )
      throw new StripeRefusal(403, {
        code: 'more_permissions_required_for_application',
        message: `The provided key does not have the required permissions for this endpoint.`,
      })
    const version = headers['stripe-version']
    if (typeof version !== 'string' || !versions.test(version))
      throw new StripeRefusal(400, { message: `Invalid Stripe API version: ${String(version)}` })
  }

  #carryOut(request: StripeRequest): Answer {
    const body =
      request.method === 'GET' ? this.#read(request) : this.#write(request, parseForm(request.body))
    return { status: 200, body: { ...body } }
  }

  #read({ path, query }: StripeRequest): JsonObject {
    const list = listOf(this.account, path, query) ?? searchOf(this.account, path, query)
    if (list !== undefined) return list
    const place = objectPlace(path)
    if (place === undefined) throw unknownUrl('GET', path)
    const found = this.account.find(place.path, place.id)
    if (found !== undefined) return shown(found, place.path, query.expand)
    const deleted = this.account.deleted(place.path, place.id)
    if (deleted === undefined) throw missing(resources[place.path]?.object ?? '', place.id)
    return { id: deleted.id, object: deleted.object, deleted: true }
  }

  #write({ method, path }: StripeRequest, form: JsonObject): JsonObject {
    const { expand, ...fields } = form
    const place = objectPlace(path)
    if (method === 'DELETE' && place !== undefined)
      return remove(this.account, place.path, place.id)
    if (method !== 'POST') throw unknownUrl(method, path)
    if (path in resources) return shown(create(this.account, path, fields), path, expand)
    if (place !== undefined)
      return shown(update(this.account, place.path, place.id, fields), place.path, expand)
    const operated = operate(this.account, path, fields)
    if (operated === undefined) throw unknownUrl(method, path)
    return shown(operated, StripeAccount.pathOf(operated.object), expand)
  }
}

function objectPlace(path: string): { readonly path: string; readonly id: string } | undefined {
  const slash = path.lastIndexOf('/')
  const list = path.slice(0, slash)
  return list in resources
    ? { path: list, id: decodeURIComponent(path.slice(slash + 1)) }
    : undefined
}

function unknownUrl(method: string, path: string): StripeRefusal {
  return new StripeRefusal(404, { message: `Unrecognized request URL (${method}: /v1/${path}).` })
}

function refused(error: unknown): Answer {
  if (!(error instanceof StripeRefusal)) throw error
  const { status, body, headers } = error
  return { status, body, headers }
}

async function received(incoming: IncomingMessage): Promise<StripeRequest> {
  const url = new URL(incoming.url ?? '/', 'http://127.0.0.1')
  return {
    method: incoming.method ?? '',
    path: url.pathname.replace(/^\/v1\//, ''),
    query: parseForm(url.search.slice(1)),
    headers: incoming.headers,
    body: await text(incoming),
  }
}
