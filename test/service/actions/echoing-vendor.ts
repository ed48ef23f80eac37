import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../../../protocol/index.ts'
import { formsOf } from '../../fakes/echo-api.ts'
import {
  ScriptedVendor,
  type VendorRequest,
  type VendorScript,
} from '../../fakes/scripted-vendor.ts'

/** The vendor's behavior for calls that are not requests for tokens. */
export type EchoMode = 'succeed' | 'cut' | 400 | 401 | 500

/**
 * A vendor on loopback that gives new tokens each time, and repeats what it was sent in whatever it refuses,
 * in many forms, in the body and in headers.
 */
export class EchoingVendor implements AsyncDisposable {
  mode: EchoMode = 'succeed'
  /** How the vendor words a failure. */
  wordFailure: (text: string) => unknown = (message) => ({ message })
  succeed: VendorScript = () => ({ body: {} })
  /** All tokens that it has given. */
  readonly tokens: string[] = []
  /** How often it repeated something. */
  echoes = 0
  readonly #mark: string
  readonly #vendor: ScriptedVendor

  private constructor(mark: string, vendor: ScriptedVendor) {
    this.#mark = mark
    this.#vendor = vendor
    vendor.respond = (request, response) => this.#respond(request, response)
  }

  /** @param mark in every token that it gives */
  static async start(mark: string): Promise<EchoingVendor> {
    return new EchoingVendor(mark, await ScriptedVendor.start(() => ({ body: {} })))
  }

  get url(): string {
    return this.#vendor.url
  }

  get requests(): readonly VendorRequest[] {
    return this.#vendor.requests
  }

  readonly #respond: VendorScript = (request, response) => {
    const { pathname } = new URL(request.url, this.url)
    if (/(?:oauth\.v2\.access|oauth\/token|oauth\/access_token|\/access_tokens)$/.test(pathname))
      return { body: this.#newTokens() }
    if (this.mode === 'succeed') return this.#succeedWithEcho(request, response)
    if (this.mode === 'cut') {
      response.destroy()
      return undefined
    }
    this.echoes += 1
    const sent = sentTexts(request)
    return {
      status: this.mode,
      headers: { ...echoHeaders(request), 'content-type': 'application/json' },
      body: this.wordFailure([request.body, ...sent.flatMap(formsOf)].join(' ; ')),
    }
  }

  /** Also a call that succeeds may show what it was sent. */
  readonly #succeedWithEcho: VendorScript = (request, response) => {
    const made = this.succeed(request, response)
    if (made === undefined) return undefined
    const { headers = {}, body } = made
    const seen = sentTexts(request).flatMap(formsOf)
    const more = typeof body === 'object' && body !== null ? { ...body, seen } : body
    return { ...made, headers: { ...headers, ...echoHeaders(request) }, body: more }
  }

  #newTokens(): JsonObject {
    const made = ['access', 'refresh'].map(
      (kind) => `${this.#mark}-${kind}-${randomBytes(6).toString('hex')}+/=x`,
    )
    this.tokens.push(...made)
    const [access = '', refresh = ''] = made
    return {
      ok: true,
      access_token: access,
      refresh_token: refresh,
      token: access,
      expires_in: 3600,
      expires_at: '2099-01-01T00:00:00Z',
      token_type: 'bearer',
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#vendor[Symbol.asyncDispose]()
  }
}

function sentTexts({ headers }: VendorRequest): readonly string[] {
  const { authorization = '' } = headers
  return [authorization.replace(/^(?:Bearer|token) /i, '')].filter((text) => text !== '')
}

function echoHeaders(request: VendorRequest): Readonly<Record<string, string>> {
  const [sent = 'none'] = sentTexts(request)
  const names = ['request-id', 'x-github-request-id', 'x-slack-req-id', 'x-request-id', 'x-echo']
  return Object.fromEntries(names.map((name) => [name, `id-${encodeURIComponent(sent)}`]))
}
