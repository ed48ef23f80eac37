import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
// @ts-expect-error it has no types of its own
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js'
import { z } from 'zod'

export interface AuthorizationServerOptions {
  /** Where the client may have the browser come back to. */
  readonly redirectUris: readonly string[]
  /** A public client (no secret) if it is null. */
  readonly clientSecret?: string | null
  /** Default true. */
  readonly requiresPkce?: boolean
}

/**
 * A real authorization server (oidc-provider) on loopback: it rotates refresh tokens and ends the family of
 * one that is used twice. A user who says yes to everything, or no, is built in, and so is an API: `GET
 * /api/contacts`, for whom has a token.
 */
export class AuthorizationServer implements AsyncDisposable {
  readonly issuer: string
  readonly clientId = 'connect'
  readonly clientSecret: string | null
  /** Whether the user consents. */
  consents = true
  /**
   * Responds to the next requests to the token endpoint with this status and body, in the place of the
   * server.
   */
  readonly tokenAnswers: { readonly status: number; readonly body: string }[] = []
  /** Grant types of the requests to the token endpoint, in order. */
  readonly tokenRequests: string[] = []
  readonly #close: () => Promise<void>

  private constructor(issuer: string, clientSecret: string | null, close: () => Promise<void>) {
    this.issuer = issuer
    this.clientSecret = clientSecret
    this.#close = close
  }

  static async start(options: AuthorizationServerOptions): Promise<AuthorizationServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { clientSecret = 'planted-client-secret' } = options
    const issuer = `http://127.0.0.1:${port}`
    const made = new AuthorizationServer(issuer, clientSecret, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    const provider = new Provider(issuer, configurationOf(made, options))
    provider.on('server_error', (_, error) => {
      process.stderr.write(`authorization server: ${error.stack ?? error.message}\n`)
    })
    const callback = provider.callback()
    const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      if (request.url?.startsWith('/interaction/') === true) {
        await made.#answerUser(provider, request, response)
        return
      }
      if (request.url === '/api/contacts') {
        const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
        const isKnown = (await provider.AccessToken.find(token)) !== undefined
        response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' })
        response.end(JSON.stringify(isKnown ? [{ id: 1, name: 'Ada' }] : { error: 'who is it?' }))
        return
      }
      if (request.url === '/token') {
        const canned = made.tokenAnswers.shift()
        if (canned !== undefined) {
          made.tokenRequests.push('canned')
          response.writeHead(canned.status, { 'content-type': 'application/json' })
          response.end(canned.body)
          return
        }
      }
      await callback(request, response)
    }
    server.on('request', (request, response) => {
      void handle(request, response)
    })
    const note = ({ oidc }: KoaContextWithOIDC): void => {
      made.tokenRequests.push(z.string().parse(oidc.params?.grant_type))
    }
    provider.on('grant.success', note)
    provider.on('grant.error', note)
    return made
  }

  get authorizeUrl(): string {
    return `${this.issuer}/auth`
  }

  get tokenUrl(): string {
    return `${this.issuer}/token`
  }

  /**
   * Follows the URL as a browser does, until the redirect URI. Returns the query that the browser would bring
   * there.
   */
  async browse(authorizeUrl: string, redirectUri: string): Promise<Record<string, string>> {
    const cookies = new Map<string, string>()
    let url = authorizeUrl
    for (let hop = 0; hop < 10; hop += 1) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        if (value === '') cookies.delete(name)
        else cookies.set(name, value)
      }
      const location = response.headers.get('location')
      if (location === null)
        throw new TypeError(`no way on: ${response.status} ${await response.text()}`)
      await response.body?.cancel()
      url = new URL(location, url).href
      if (url.startsWith(redirectUri)) return Object.fromEntries(new URL(url).searchParams)
    }
    throw new TypeError('the browser goes in circles')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #answerUser(
    provider: Provider,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { prompt, params, session } = await provider.interactionDetails(request, response)
    if (!this.consents) {
      const denied = { error: 'access_denied', error_description: 'the user said no' }
      await provider.interactionFinished(request, response, denied)
      return
    }
    if (prompt.name === 'login') {
      await provider.interactionFinished(request, response, { login: { accountId: 'user' } })
      return
    }
    const clientId = String(params.client_id)
    const grant = new provider.Grant({ accountId: session?.accountId ?? 'user', clientId })
    grant.addOIDCScope(String(params.scope))
    const grantId = await grant.save()
    await provider.interactionFinished(request, response, { consent: { grantId } })
  }
}

const memoryAdapter = createMemoryAdapter as () => NonNullable<Configuration['adapter']>
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const signingKey = { ...privateKey.export({ format: 'jwk' }), kty: 'RSA', use: 'sig', alg: 'RS256' }

function configurationOf(
  server: AuthorizationServer,
  { redirectUris, requiresPkce = true }: AuthorizationServerOptions,
): Configuration {
  const { clientSecret } = server
  return {
    // The library would choose this adapter by itself, but with a warning.
    adapter: memoryAdapter(),
    jwks: { keys: [signingKey] },
    clients: [
      {
        client_id: server.clientId,
        redirect_uris: [...redirectUris],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        // Plain http on loopback is for native applications.
        application_type: 'native',
        ...(clientSecret === null
          ? { token_endpoint_auth_method: 'none' as const }
          : {
              client_secret: clientSecret,
              token_endpoint_auth_method: 'client_secret_post' as const,
            }),
      },
    ],
    cookies: { keys: ['test'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    pkce: { required: () => requiresPkce },
    rotateRefreshToken: () => true,
    scopes: ['openid', 'offline_access', 'read'],
    ttl: {
      AccessToken: 3600,
      IdToken: 3600,
      RefreshToken: 86_400,
      AuthorizationCode: 60,
      Grant: 86_400,
      Interaction: 600,
      Session: 600,
    },
  }
}
