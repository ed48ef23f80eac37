import type { OauthV2AccessResponse } from '@slack/web-api'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { Refusal, refuse, type Method } from './method.ts'
import { readMethods } from './read-methods.ts'
import { searchMethods } from './search-methods.ts'
import { WorkspaceData, type SlackToken } from './workspace-data.ts'
import { writeMethods } from './write-methods.ts'

export interface SlackRequest {
  readonly method: string
  readonly args: ReadonlyMap<string, string>
  readonly authorization: string | undefined
}

export interface SlackAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** A text is sent as it is. */
  readonly body: object | string
}

/**
 * Slack's Web API on loopback: the methods of the connector, with state, scopes, cursors, uploads and
 * refusals.
 */
export class SlackSimulator implements AsyncDisposable {
  readonly data = new WorkspaceData()
  readonly requests: SlackRequest[] = []
  readonly url: string
  readonly #planned: { readonly method: string; readonly answer: SlackAnswer }[] = []
  readonly #close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.#close = close
    this.data.tokens.set(botToken, { userId: 'UBOT', scopes: allScopes })
    this.data.tokens.set(userToken, { userId: 'U1', scopes: [...allScopes, 'search:read'] })
  }

  static async start(): Promise<SlackSimulator> {
    const server = createServer((request, response) => {
      simulator.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const simulator = new SlackSimulator(`http://127.0.0.1:${String(port)}`, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    return simulator
  }

  /** Where the methods are. */
  get apiUrl(): string {
    return `${this.url}/api`
  }

  /** The next call of the method gets this, once. */
  answerOnce(method: string, answer: SlackAnswer): void {
    this.#planned.push({ method, answer })
  }

  callsOf(method: string): readonly SlackRequest[] {
    return this.requests.filter((request) => request.method === method)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    const body = await buffer(request)
    const { authorization } = request.headers
    const [, fileId] = /^\/upload\/v1\/(\w+)$/.exec(url.pathname) ?? []
    if (fileId !== undefined) {
      this.requests.push({ method: 'upload', args: new Map(), authorization })
      const bytes = await uploadedBytes(body, request.headers['content-type'])
      response.writeHead(this.#takeUpload(fileId, bytes) ? 200 : 400)
      response.end(`OK - ${String(bytes.length)}`)
      return
    }
    const method = url.pathname.replace(/^\/api\//, '')
    const args = argsOf(url, body, request.headers['content-type'])
    this.requests.push({ method, args, authorization })
    const { status = 200, headers, body: answer } = this.#call(method, args, authorization)
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'x-slack-req-id': `req-${String(this.requests.length)}`,
      ...headers,
    })
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  }

  #takeUpload(fileId: string, bytes: Uint8Array): boolean {
    const upload = this.data.uploads.get(fileId)
    if (upload === undefined) return false
    upload.bytes = bytes
    return true
  }

  #call(
    name: string,
    args: ReadonlyMap<string, string>,
    authorization: string | undefined,
  ): SlackAnswer {
    const index = this.#planned.findIndex((planned) => planned.method === name)
    if (index !== -1) {
      const [planned] = this.#planned.splice(index, 1)
      if (planned !== undefined) return planned.answer
    }
    try {
      if (name === 'oauth.v2.access') return { body: this.#authorized(args) }
      const token = this.#tokenOf(authorization ?? `Bearer ${args.get('token') ?? ''}`)
      const method: Method | undefined =
        readMethods[name] ?? searchMethods[name] ?? writeMethods[name]
      if (method === undefined) return { body: { ok: false, error: 'unknown_method' } }
      checkScope(name, args, token)
      return { body: method({ data: this.data, token, args, baseUrl: this.url }) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { body: { ok: false, error: error.message, ...error.fields } }
    }
  }

  /** For a code, or a refresh token, which works once: its successor comes with the access token. */
  #authorized(args: ReadonlyMap<string, string>): object {
    if (args.get('client_secret') !== clientSecret) refuse('bad_client_secret')
    if (args.get('grant_type') !== 'refresh_token') {
      if (args.get('code') !== authorizationCode) refuse('invalid_code')
    } else if (!this.data.refreshTokens.delete(args.get('refresh_token') ?? ''))
      refuse('invalid_refresh_token')
    const accessToken = this.data.nextId('xoxe.xoxb-')
    const refreshToken = this.data.nextId('xoxe-1-')
    this.data.tokens.set(accessToken, { userId: 'UBOT', scopes: allScopes })
    this.data.refreshTokens.add(refreshToken)
    return {
      ok: true,
      access_token: accessToken,
      refresh_token: refreshToken,
      token_type: 'bot',
      authed_user: { id: 'U1' },
      team: { id: 'T1', name: 'Acme' },
      expires_in: 43_200,
    } satisfies OauthV2AccessResponse
  }

  #tokenOf(authorization: string): SlackToken {
    const token = this.data.tokens.get(authorization.replace(/^Bearer /, ''))
    if (token === undefined) refuse(authorization === 'Bearer ' ? 'not_authed' : 'invalid_auth')
    return token
  }
}

export const botToken = 'xoxb-kit-secret'
/** The token of a person: apps cannot search. */
export const userToken = 'xoxp-kit-secret'
export const clientSecret = 'kit-secret-client'
export const authorizationCode = 'kit-secret-code'

const scopesByMethod: Readonly<Record<string, string>> = {
  'users.list': 'users:read',
  'users.info': 'users:read',
  'users.lookupByEmail': 'users:read.email',
  'conversations.list': 'channels:read',
  'conversations.info': 'channels:read',
  'conversations.members': 'channels:read',
  'conversations.history': 'channels:history',
  'conversations.replies': 'channels:history',
  'files.list': 'files:read',
  'usergroups.list': 'usergroups:read',
  'chat.postMessage': 'chat:write',
  'reactions.add': 'reactions:write',
  'conversations.create': 'channels:manage',
  'conversations.kick': 'channels:manage',
  'files.getUploadURLExternal': 'files:write',
}

const allScopes = [...new Set([...Object.values(scopesByMethod), 'groups:read'])]

function checkScope(name: string, args: ReadonlyMap<string, string>, { scopes }: SlackToken): void {
  const provided = scopes.join(',')
  const needed = [
    scopesByMethod[name],
    args.get('types')?.includes('private_channel') === true ? 'groups:read' : undefined,
  ]
  for (const scope of needed)
    if (scope !== undefined && !scopes.includes(scope))
      refuse('missing_scope', { needed: scope, provided })
}

function argsOf(url: URL, body: Buffer, type = ''): ReadonlyMap<string, string> {
  const form = type.includes('x-www-form-urlencoded') ? body.toString() : ''
  return new Map([...url.searchParams, ...new URLSearchParams(form)])
}

/** As they are, or as a field of a form of several parts, as Slack's own client sends them. */
async function uploadedBytes(body: Buffer, type = ''): Promise<Uint8Array> {
  if (!type.startsWith('multipart/form-data')) return body
  const bytes = Uint8Array.from(body)
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated for servers in production
  const form = await new Response(bytes, { headers: { 'content-type': type } }).formData()
  const [field] = form.values()
  if (field === undefined) return new Uint8Array()
  return typeof field === 'string' ? Buffer.from(field) : new Uint8Array(await field.arrayBuffer())
}
