import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/**
 * HashiCorp Vault as far as a client of the KV engine version 2 sees it, in memory on loopback. Status codes
 * and error texts are those of Vault 1.21.
 */
export interface Kv2Server extends AsyncDisposable {
  readonly url: string
  readonly rootToken: string
  /** Sealed: every response is a 503. */
  setSealed(sealed: boolean): void
  /** Open requests wait until this is called with false. */
  setSilent(silent: boolean): void
  addToken(token: string, options: TokenOptions): void
  /** Marks the newest version as deleted, as `vault kv delete` does. Its history stays. */
  softDelete(path: string): void
  /** Responds to the next request with this. */
  answerNext(status: number, body: string): void
  /** Each response from here on waits for this work. */
  beforeAnswer(work: () => Promise<void>): void
  /** `METHOD path` of each request so far. */
  readonly requests: readonly string[]
  readonly namespaces: ReadonlySet<string>
}
export interface TokenOptions {
  readonly ttlMs?: number
  readonly renewable?: boolean
  /** Default: everything. */
  readonly capabilities?: readonly string[]
}

interface Token {
  readonly capabilities: readonly string[]
  readonly renewable: boolean
  readonly ttlMs: number | null
  expiresAt: number
}
interface StoredSecret {
  version: number
  data: unknown
  deleted: boolean
}
interface Question {
  readonly method: string
  readonly path: string
  readonly token: Token
  readonly body: Record<string, unknown>
}
type Answer = [status: number, body?: unknown]

const denied: Answer = [403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] }]
/** By name: the version of the engine. */
const mounts = new Map([
  ['secret', '2'],
  ['old', '1'],
])
const ROOT = 'hvs.root-token-SECRET'

class Store {
  readonly tokens = new Map<string, Token>()
  readonly kept = new Map<string, StoredSecret>()

  answer({ method, path, token, body }: Question): Answer {
    if (path === 'auth/token/lookup-self') return [200, { data: this.#tokenData(token) }]
    if (path === 'auth/token/renew-self') return this.#renew(token)
    const mount = mounts.get(path.replace('sys/internal/ui/mounts/', ''))
    if (mount !== undefined) return [200, { data: { type: 'kv', options: { version: mount } } }]
    if (path === 'sys/capabilities-self')
      return [200, { data: { capabilities: token.capabilities } }]
    if (path.startsWith('old/')) return method === 'GET' ? [404, { errors: [] }] : [204]
    const match = /^secret\/(data|metadata)\/(.+)$/.exec(path)
    const [, kind, name = ''] = match ?? []
    if (kind === undefined)
      return [404, { errors: [`no handler for route "${path}". route entry not found.`] }]
    if (kind === 'metadata') return this.#deleteAll(name, token)
    return method === 'GET' ? this.#read(name, token) : this.#write(name, body, token)
  }

  #read(name: string, token: Token): Answer {
    if (!may(token, 'read')) return denied
    const kept = this.kept.get(name)
    if (kept === undefined) return [404, { errors: [] }]
    const metadata = { version: kept.version, destroyed: false }
    return kept.deleted
      ? [404, { data: { data: null, metadata } }]
      : [200, { data: { data: kept.data, metadata } }]
  }

  #write(name: string, body: Record<string, unknown>, token: Token): Answer {
    const kept = this.kept.get(name)
    if (!may(token, kept === undefined ? 'create' : 'update')) return denied
    const options = body.options
    const cas =
      typeof options === 'object' && options !== null && 'cas' in options ? options.cas : null
    if (cas !== null && cas !== (kept?.version ?? 0)) {
      return [400, { errors: ['check-and-set parameter did not match the current version'] }]
    }
    const version = (kept?.version ?? 0) + 1
    this.kept.set(name, { version, data: body.data, deleted: false })
    return [200, { data: { version } }]
  }

  #deleteAll(name: string, token: Token): Answer {
    if (!may(token, 'delete')) return denied
    this.kept.delete(name)
    return [204]
  }

  #tokenData(token: Token) {
    return { renewable: token.renewable, ttl: secondsLeft(token) }
  }

  #renew(token: Token): Answer {
    if (!token.renewable || token.ttlMs === null)
      return [400, { errors: ['lease is not renewable'] }]
    token.expiresAt = Date.now() + token.ttlMs
    return [200, { auth: { renewable: true, lease_duration: token.ttlMs / 1000 } }]
  }
}

function may(token: Token, capability: string): boolean {
  return token.capabilities.includes('root') || token.capabilities.includes(capability)
}

function secondsLeft(token: Token): number {
  return token.ttlMs === null ? 0 : (token.expiresAt - Date.now()) / 1000
}

/** Default of the port: a free one. */
export async function startKv2Server(wantedPort = 0): Promise<Kv2Server> {
  const store = new Store()
  const requests: string[] = []
  const namespaces = new Set<string>()
  const waiting: ServerResponse[] = []
  let [isSealed, isSilent] = [false, false]
  let next: { status: number; body: string } | undefined
  const addToken = (token: string, { ttlMs, renewable = false, capabilities }: TokenOptions) => {
    store.tokens.set(token, {
      renewable,
      ttlMs: ttlMs ?? null,
      expiresAt: ttlMs === undefined ? Infinity : Date.now() + ttlMs,
      capabilities: capabilities ?? ['root'],
    })
  }
  addToken(ROOT, {})

  let before: () => Promise<void> = () => Promise.resolve()
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const path = request.url?.replace('/v1/', '') ?? ''
    requests.push(`${request.method} ${path}`)
    const namespace = request.headers['x-vault-namespace']
    if (typeof namespace === 'string') namespaces.add(namespace)
    const sent = await text(request)
    await before()
    if (isSealed) return [503, { errors: ['Vault is sealed'] }]
    const token = store.tokens.get(String(request.headers['x-vault-token']))
    if (token === undefined || token.expiresAt < Date.now()) {
      return [403, { errors: ['2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n'] }]
    }
    const body: unknown = sent === '' ? {} : JSON.parse(sent)
    const object = typeof body === 'object' && body !== null ? { ...body } : {}
    return store.answer({ method: request.method ?? '', path, token, body: object })
  }
  const server = createServer((request, response) => {
    if (isSilent) {
      waiting.push(response)
      return
    }
    if (next !== undefined) {
      response.writeHead(next.status, { Location: 'http://127.0.0.1:1/' }).end(next.body)
      next = undefined
      return
    }
    void answer(request).then(([status, body]) => {
      response.writeHead(status).end(body === undefined ? '' : JSON.stringify(body))
    })
  })
  server.listen(wantedPort, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    rootToken: ROOT,
    setSealed: (sealed) => (isSealed = sealed),
    setSilent: (silent) => {
      isSilent = silent
      for (const response of waiting.splice(0)) response.destroy()
    },
    addToken,
    softDelete: (path) => {
      const kept = store.kept.get(path)
      if (kept !== undefined) kept.deleted = true
    },
    answerNext: (status, body) => (next = { status, body }),
    beforeAnswer: (work) => (before = work),
    requests,
    namespaces,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
