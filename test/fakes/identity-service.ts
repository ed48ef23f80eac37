import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json as jsonOf } from 'node:stream/consumers'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import Provider from 'oidc-provider'
// @ts-expect-error it has no types of its own
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js'
import type { Configuration } from 'oidc-provider'
import { z } from 'zod'

/** A user, for `/auth/login`. */
export interface IdentityUser {
  readonly password: string
  readonly role: string
}

export const keyAlgorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const
type KeyAlgorithm = (typeof keyAlgorithms)[number]

export interface SigningKey {
  readonly kid: string
  readonly alg: KeyAlgorithm
  readonly privateKey: CryptoKey
  /** Private. */
  readonly jwk: JWK & { readonly kty: string }
}

const keySetPath = '/.well-known/jwks.json'
const loginBody = z.object({ email: z.string(), password: z.string(), audience: z.string() })
const tokenAnswer = z.object({ access_token: z.string() })
const program = { id: 'nightly-job', secret: 'the-secret-of-the-nightly-job' }

/**
 * A real authorization server (oidc-provider) on loopback with a key set, and the route for logins that
 * docs/identity.md describes. Its keys can be changed as it runs.
 */
export class IdentityService implements AsyncDisposable {
  readonly issuer: string
  readonly audience = 'reactor-connect'
  readonly users = new Map<string, IdentityUser>()
  /** Bodies that came to `/auth/login`. */
  readonly logins: z.output<typeof loginBody>[] = []
  /** Responds to the next requests to `/auth/login`. */
  readonly loginAnswers: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly text: string
  }[] = []
  /** How often the key set was asked for. */
  keySetRequests = 0
  /** Answers the key set with this status. */
  keySetStatus: number | undefined
  /** Answers the key set with this text. */
  keySetText: string | undefined
  /** How long logins hold. */
  lifetimeSeconds = 3600
  readonly #close: () => Promise<void>
  #key: SigningKey
  #provider: Provider

  private constructor(issuer: string, key: SigningKey, close: () => Promise<void>) {
    this.issuer = issuer
    this.#key = key
    this.#close = close
    this.#provider = this.#providerWith([key])
  }

  static async start(): Promise<IdentityService> {
    const key = await newSigningKey('ES256')
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const service = new IdentityService(`http://127.0.0.1:${port}`, key, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    server.on('request', (request, response) => {
      void service.#answer(request, response)
    })
    return service
  }

  get key(): SigningKey {
    return this.#key
  }

  get jwksUrl(): string {
    return `${this.issuer}${keySetPath}`
  }

  /** Signs with another key from now on, and shows that one alone, or with others. */
  useKey(key: SigningKey, others: readonly SigningKey[] = []): void {
    this.#key = key
    this.#provider = this.#providerWith([key, ...others])
  }

  /** A JWT of this service with these claims in the place of its own; `undefined` leaves one out. */
  async token(claims: Readonly<Record<string, unknown>> = {}, by = this.#key): Promise<string> {
    const nowSeconds = Math.floor(Date.now() / 1000)
    return new SignJWT({
      iss: this.issuer,
      aud: this.audience,
      sub: 'ada',
      iat: nowSeconds,
      exp: nowSeconds + this.lifetimeSeconds,
      connect_role: 'operator',
      ...claims,
    })
      .setProtectedHeader({ alg: by.alg, kid: by.kid })
      .sign(by.privateKey)
  }

  /** An access token of the server itself (`at+jwt`), for a program: it has the role viewer. */
  async accessToken(): Promise<string> {
    const response = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${program.id}:${program.secret}`).toString('base64')}`,
      },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    return tokenAnswer.parse(await response.json()).access_token
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url } = request
    if (url === '/auth/login') {
      await this.#login(request, response)
      return
    }
    if (url === keySetPath) {
      this.keySetRequests += 1
      if (this.keySetStatus !== undefined) {
        response.writeHead(this.keySetStatus, { location: `${this.issuer}/elsewhere` }).end()
        return
      }
      if (this.keySetText !== undefined) {
        response.writeHead(200).end(this.keySetText)
        return
      }
    }
    await this.#provider.callback()(request, response)
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const canned = this.loginAnswers.shift()
    if (canned !== undefined) {
      response.writeHead(canned.status, canned.headers).end(canned.text)
      return
    }
    const body = loginBody.parse(await jsonOf(request))
    this.logins.push(body)
    const user = this.users.get(body.email)
    if (user?.password !== body.password) {
      response.writeHead(401).end()
      return
    }
    const { email, audience } = body
    const claims = { sub: `sub-of-${email}`, email, aud: audience, connect_role: user.role }
    const expiresAt = new Date(Date.now() + this.lifetimeSeconds * 1000).toISOString()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ token: await this.token(claims), expires_at: expiresAt }))
  }

  #providerWith(keys: readonly SigningKey[]): Provider {
    const provider = new Provider(this.issuer, configurationOf(this.audience, keys))
    provider.on('server_error', (_, error) => {
      process.stderr.write(`identity service: ${error.stack ?? error.message}\n`)
    })
    return provider
  }
}

/** A key pair that a key set can have. */
export async function newSigningKey(alg: KeyAlgorithm): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const { kty = '', ...rest } = await exportJWK(privateKey)
  const kid = randomUUID()
  return { kid, alg, privateKey, jwk: { ...rest, kty, kid, alg, use: 'sig' } }
}

/** Returns the part of the key that a key set shows. */
export function publicJwk({ jwk }: SigningKey): SigningKey['jwk'] {
  const shown = { ...jwk }
  delete shown.d
  return shown
}

const memoryAdapter = createMemoryAdapter as () => NonNullable<Configuration['adapter']>

function configurationOf(audience: string, keys: readonly SigningKey[]): Configuration {
  const alg = keys[0]?.alg ?? 'ES256'
  return {
    adapter: memoryAdapter(),
    jwks: { keys: keys.map(({ jwk }) => jwk) },
    clients: [
      {
        client_id: program.id,
        client_secret: program.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: alg,
      },
    ],
    cookies: { keys: ['test'] },
    routes: { jwks: keySetPath },
    extraTokenClaims: () => ({ connect_role: 'viewer' }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:reactor-connect',
        getResourceServerInfo: () => ({
          scope: '',
          audience,
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg } },
        }),
      },
    },
    ttl: { ClientCredentials: 300 },
  }
}
