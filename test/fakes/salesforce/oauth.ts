import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { username } from './organization.ts'

export const clientId = '3MVG9planted.client'
export const clientSecret = 'planted-client-secret'

export interface TokenAnswer {
  readonly status: number
  readonly body: object
}

interface Granted {
  readonly redirectUri: string
  readonly challenge: string
}

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.string(),
  exp: z.number(),
})

/** The OAuth of an External Client App: codes with PKCE, refresh tokens, and signed assertions. */
export class SalesforceOAuth {
  readonly accessTokens = new Set<string>()
  readonly refreshTokens = new Set<string>()
  /** Refresh tokens work once, as an app may demand. */
  rotates = false
  /** The audiences that assertions may name, besides Salesforce's own. */
  readonly audiences = new Set(['https://login.salesforce.com', 'https://test.salesforce.com'])
  readonly #codes = new Map<string, Granted>()
  #key: KeyObject | undefined
  #count = 0

  /** The certificate of the app. */
  trust(publicKey: string): void {
    this.#key = createPublicKey(publicKey)
  }

  /** The user allows it at once. Returns the address that the browser goes to; null if it is refused. */
  authorize(query: URLSearchParams): string | null {
    const redirectUri = query.get('redirect_uri') ?? ''
    const challenge = query.get('code_challenge') ?? ''
    const isFit =
      query.get('client_id') === clientId &&
      query.get('response_type') === 'code' &&
      query.get('code_challenge_method') === 'S256' &&
      challenge !== '' &&
      URL.canParse(redirectUri)
    if (!isFit) return null
    const code = `code-${this.#next()}`
    this.#codes.set(code, { redirectUri, challenge })
    const back = new URL(redirectUri)
    back.searchParams.set('code', code)
    back.searchParams.set('state', query.get('state') ?? '')
    return back.href
  }

  token(
    form: URLSearchParams,
    { url, nowMs }: { readonly url: string; readonly nowMs: number },
  ): TokenAnswer {
    switch (form.get('grant_type') ?? '') {
      case 'authorization_code':
        return this.#exchange(form, url)
      case 'refresh_token':
        return this.#refresh(form, url)
      case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
        return this.#assertion(form.get('assertion') ?? '', { url, nowMs })
      default:
        return refused('unsupported_grant_type', 'grant type not supported')
    }
  }

  #exchange(form: URLSearchParams, url: string): TokenAnswer {
    const granted = this.#codes.get(form.get('code') ?? '')
    this.#codes.delete(form.get('code') ?? '')
    if (!isClient(form)) return refused('invalid_client_id', 'client identifier invalid')
    if (granted === undefined) return refused('invalid_grant', 'invalid authorization code')
    if (granted.redirectUri !== form.get('redirect_uri'))
      return refused('redirect_uri_mismatch', 'redirect_uri must match configuration')
    const verifier = form.get('code_verifier') ?? ''
    if (createHash('sha256').update(verifier).digest('base64url') !== granted.challenge)
      return refused('invalid_grant', 'invalid code verifier')
    return this.#granted(url, { withRefresh: true })
  }

  #refresh(form: URLSearchParams, url: string): TokenAnswer {
    if (!isClient(form)) return refused('invalid_client_id', 'client identifier invalid')
    const token = form.get('refresh_token') ?? ''
    if (!this.refreshTokens.has(token))
      return refused('invalid_grant', 'expired access/refresh token')
    if (this.rotates) this.refreshTokens.delete(token)
    return this.#granted(url, { withRefresh: this.rotates })
  }

  #assertion(
    assertion: string,
    { url, nowMs }: { readonly url: string; readonly nowMs: number },
  ): TokenAnswer {
    const [header = '', payload = '', signature = ''] = assertion.split('.')
    const signed = Buffer.from(`${header}.${payload}`)
    const isSigned =
      this.#key !== undefined &&
      verify('RSA-SHA256', signed, this.#key, Buffer.from(signature, 'base64url'))
    if (!isSigned) return refused('invalid_grant', 'invalid assertion')
    const claims = claimsSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
    if (claims.iss !== clientId) return refused('invalid_client_id', 'client identifier invalid')
    if (!this.audiences.has(claims.aud) && claims.aud !== url)
      return refused('invalid_grant', 'audience is invalid')
    const leftSeconds = claims.exp - nowMs / 1000
    if (leftSeconds <= 0 || leftSeconds > 300)
      return refused('invalid_grant', 'invalid assertion: expiration time is invalid')
    if (claims.sub !== username)
      return refused('invalid_grant', "user hasn't approved this consumer")
    return this.#granted(url, { withRefresh: false })
  }

  #granted(url: string, { withRefresh }: { readonly withRefresh: boolean }): TokenAnswer {
    const access = `00DHs0000000001!planted-access-${this.#next()}`
    this.accessTokens.add(access)
    const refresh = `5Aep861planted-refresh-${String(this.#count)}`
    if (withRefresh) this.refreshTokens.add(refresh)
    return {
      status: 200,
      body: {
        access_token: access,
        ...(withRefresh && { refresh_token: refresh }),
        scope: 'api refresh_token',
        instance_url: url,
        id: `${url}/id/00DHs0000000001MAA/005Hs00000000001`,
        token_type: 'Bearer',
      },
    }
  }

  #next(): string {
    this.#count += 1
    return String(this.#count)
  }
}

/** A public app has no secret. */
function isClient(form: URLSearchParams): boolean {
  const secret = form.get('client_secret') ?? ''
  return form.get('client_id') === clientId && (secret === '' || secret === clientSecret)
}

function refused(error: string, description: string): TokenAnswer {
  return { status: 400, body: { error, error_description: description } }
}
