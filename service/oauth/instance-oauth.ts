import { createHash, randomBytes } from 'node:crypto'
import { randomPKCECodeVerifier } from 'openid-client'
import { parsePointer } from '../../lib/text/json-pointer.ts'
import type { OAuth2Scheme } from '../../connectors/connector.ts'
import { ConnectError, type JsonObject, type JsonValue, valueAt } from '../../protocol/index.ts'
import { secretTexts } from '../platform/secrets/secret-texts.ts'
import { Mask } from '../../protocol/secrets/mask.ts'
import { scrubber } from '../../protocol/secrets/scrubber.ts'
import { joinConfig, type Secrets } from '../platform/secrets/secret-fields.ts'
import type { ExclusiveWork } from '../platform/database/locks.ts'
import type { AuthorizationStore } from './contract.ts'
import { keepTrying } from '../platform/vault/keep-trying.ts'
import { InstanceSecrets } from '../platform/vault/instance-secrets.ts'
import type { StoredSecrets, Vault } from '../platform/vault/vault.ts'
import { fieldsOf, refreshedScheme, schemeOf } from './oauth-scheme.ts'
import type { Authorized, OAuth, OAuthCallback, OAuthInstance } from './oauth.ts'
import { VerifierSeal } from './sealed-verifier.ts'
import { ManifestFlow, tokenUrlOf } from './manifest-flow.ts'
import {
  type AuthorizationRequest,
  type Party,
  StandardFlow,
  type TokenResponse,
} from './standard-flow.ts'
import { TokenFetch } from './token-fetch.ts'
import { tokenFailure, type TokenFailure } from './token-failure.ts'
import { isFresh, isUsable, tokensOf, withTokens } from './tokens.ts'
import { isLoopback } from '../../lib/net/loopback.ts'

const authorizationLifetimeMs = 600_000

export interface InstanceOAuthOptions {
  readonly store: ExclusiveWork & { readonly authorizations: AuthorizationStore }
  readonly vault: Vault
  /** Private networks that token endpoints may be in. */
  readonly allowedNetworks: readonly string[]
  /** The service's own callback. */
  readonly callbackUrl: string
  /** Throws `instance_not_found`. */
  find(name: string): Promise<OAuthInstance>
  now?(): number
}

export class InstanceOAuth implements OAuth, AsyncDisposable {
  readonly #options: InstanceOAuthOptions
  readonly #fetch: TokenFetch
  readonly #flow: StandardFlow
  readonly #manifestFlow: ManifestFlow
  readonly #seal: VerifierSeal

  constructor(options: InstanceOAuthOptions) {
    this.#options = options
    this.#fetch = new TokenFetch(options.allowedNetworks)
    this.#flow = new StandardFlow(this.#fetch)
    this.#manifestFlow = new ManifestFlow(this.#fetch)
    this.#seal = new VerifierSeal(options.vault)
  }

  async begin(
    instance: OAuthInstance,
    redirectUri: string,
  ): Promise<{ readonly authorizeUrl: string; readonly state: string }> {
    const scheme = schemeOf(instance.descriptor)
    if (scheme === undefined) throw notSupported(instance)
    const back = checkedRedirectUri(redirectUri, this.#options.callbackUrl)
    const stored = await this.#read(instance)
    const party = partyOf(instance, scheme, stored.secrets)
    const state = randomBytes(32).toString('base64url')
    const verifier = randomPKCECodeVerifier()
    const stateHash = hashOf(state)
    const about = { redirectUri: back, state, verifier }
    const authorizeUrl = await this.#authorizeUrl(party, about, instance)
    await this.#options.store.authorizations.create({
      stateHash,
      instance: instance.name,
      redirectUri: back,
      sealed: await this.#seal.seal(stateHash, verifier),
      lifetimeMs: authorizationLifetimeMs,
    })
    return { authorizeUrl, state }
  }

  isPending(state: string): Promise<boolean> {
    return this.#options.store.authorizations.isPending(hashOf(state))
  }

  async complete(callback: OAuthCallback): Promise<Authorized> {
    const { state } = callback
    const stateHash = hashOf(state)
    const pending = await this.#options.store.authorizations.take(stateHash)
    if (pending === null) throw new ConnectError('oauth_state_invalid')
    const { instance: name, redirectUri, sealed } = pending
    const verifier = await this.#seal.open(stateHash, sealed)
    if (verifier === undefined) throw new ConnectError('oauth_state_invalid')
    if (callback.code === undefined) {
      const reason = callback.error ?? 'the vendor sent no code'
      throw new ConnectError('oauth_denied', { details: { instance: name, reason } })
    }
    const instance = await this.#options.find(name)
    const scheme = schemeOf(instance.descriptor)
    if (scheme === undefined) throw notSupported(instance)
    const { secrets } = await this.#read(instance)
    const party = partyOf(instance, scheme, secrets)
    const about = { redirectUri, state, verifier }
    if (!isIssuer(callback.iss, scheme, await this.#authorizeUrl(party, about, instance))) {
      const reason = 'the browser came back from another authorization server than it was sent to'
      throw exchangeFailed(instance, party, { reason })
    }
    const answer = await this.#exchange(party, about, callback).catch((error: unknown) => {
      const sent = [callback.code ?? '', verifier]
      throw exchangeFailed(
        instance,
        party,
        maskFailure(error, [...sent, ...secretTexts(instance.config, secrets)]),
      )
    })
    const tokens = tokensOf(fieldsOf(scheme), answer, this.#now())
    if (Object.keys(tokens.values).length === 0) {
      const reason = 'its response has none of the fields that the connector uses'
      throw exchangeFailed(instance, party, { reason })
    }
    const after = await this.#put(instance, (before) => withTokens(before, tokens))
    return { instance: name, pointers: Object.keys(after).sort() }
  }

  async freshSecrets(instance: OAuthInstance): Promise<JsonObject> {
    const stored = await this.#read(instance)
    const scheme = refreshedScheme(instance.descriptor)
    if (scheme === undefined) return stored.secrets
    if (isFresh(fieldsOf(scheme), stored.secrets, this.#now())) return stored.secrets
    return this.#options.store.runExclusively(`oauth ${instance.id}`, async () => {
      const now = await this.#read(instance)
      const isOthers =
        now.version !== stored.version && isUsable(fieldsOf(scheme), now.secrets, this.#now())
      return isOthers ? now.secrets : this.#refresh(instance, scheme, now.secrets)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fetch[Symbol.asyncDispose]()
  }

  async #authorizeUrl(
    party: Party,
    about: AuthorizationRequest,
    { descriptor }: OAuthInstance,
  ): Promise<string> {
    const { templates } = party.scheme
    if (templates === undefined) return this.#flow.authorizeUrl(party, about)
    const unusable = (why: string): ConnectError =>
      new ConnectError('manifest_invalid', {
        details: { file: descriptor.type, reason: `consent_url: ${why}` },
      })
    let url: URL
    try {
      url = new URL(this.#manifestFlow.authorizeUrl(party, templates, about))
    } catch (error) {
      throw unusable(error instanceof Error ? error.message : String(error))
    }
    // It may come from the configuration, and browsers open it.
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      throw unusable(`its address begins with ${url.protocol}, not with https://`)
    return url.href
  }

  async #exchange(
    party: Party,
    about: AuthorizationRequest,
    callback: OAuthCallback,
  ): Promise<TokenResponse> {
    const { templates } = party.scheme
    if (templates === undefined) return this.#flow.exchange(party, about, callback)
    return this.#manifestFlow.exchange(party, templates, { about, callback })
  }

  /** Under the lock of the instance. */
  async #refresh(
    instance: OAuthInstance,
    scheme: OAuth2Scheme,
    secrets: Secrets,
  ): Promise<Secrets> {
    const fields = fieldsOf(scheme)
    const token = refreshTokenIn(scheme, secrets)
    if (token === undefined) throw reauthorize(instance, 'it returned no refresh token')
    const party = partyOf(instance, scheme, secrets)
    let answer: TokenResponse
    try {
      answer = await this.#flow.refresh(party, token)
    } catch (error) {
      const { kind, reason } = maskFailure(error, secretTexts(instance.config, secrets))
      if (kind === 'misconfigured') throw exchangeFailed(instance, party, { reason })
      if (kind === 'transient') throw refreshFailed(instance, party, { reason })
      // Another process that lost the lock, or a user who authorized again, may have stored another token.
      const { secrets: now } = await this.#read(instance)
      if (refreshTokenIn(scheme, now) === token) throw reauthorize(instance, reason)
      return isUsable(fields, now, this.#now()) ? now : this.#refresh(instance, scheme, now)
    }
    const tokens = tokensOf(fields, answer, this.#now())
    return this.#put(instance, (before) =>
      // Authorized again in the meantime: the tokens of the old authorization are invalid.
      refreshTokenIn(scheme, before) === token ? withTokens(before, tokens) : before,
    )
  }

  /**
   * A used refresh token is lost if its successor is not stored: a vault that does not respond is tried
   * again.
   */
  #put(instance: OAuthInstance, edit: (before: Secrets) => Secrets): Promise<Secrets> {
    const stored = this.#secretsOf(instance)
    return keepTrying(async () => {
      const { secrets, version } = await stored.getOrNone()
      const after = edit(secrets)
      if (after !== secrets) await stored.put(after, { ifVersion: version })
      return after
    })
  }

  #read(instance: OAuthInstance): Promise<StoredSecrets> {
    return this.#secretsOf(instance).getOrNone()
  }

  #secretsOf(instance: OAuthInstance): InstanceSecrets {
    return new InstanceSecrets(this.#options.vault, instance)
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now()
  }
}

/**
 * RFC 9207: the issuer in the callback must be that of the vendor, letter by letter. If the connector does
 * not know it, it must be an https URL of the same host and port as the address that the browser was sent to:
 * a parent domain may belong to somebody else.
 */
function isIssuer(
  iss: string | undefined,
  { issuer }: OAuth2Scheme,
  authorizeUrl: string,
): boolean {
  if (iss === undefined) return true
  if (issuer !== undefined) return iss === issuer
  if (!URL.canParse(iss)) return false
  const [named, sent] = [new URL(iss), new URL(authorizeUrl)]
  const isPlain = named.search === '' && named.hash === '' && named.username === ''
  return isPlain && named.origin === sent.origin
}

function hashOf(state: string): string {
  return createHash('sha256').update(state).digest('hex')
}

/** `tokenHost`: for messages, without secrets. */
interface NamedParty extends Party {
  readonly tokenHost: string
}

function partyOf(instance: OAuthInstance, scheme: OAuth2Scheme, secrets: Secrets): NamedParty {
  const { clientId, clientSecret } = fieldsOf(scheme)
  const [id, secret] = [clientId, clientSecret].map((pointer) => textAt(instance, secrets, pointer))
  if (id !== undefined) {
    const inputs = Object.entries(scheme.templates?.userInput ?? {}).map(
      ([name, pointer]): [string, string] => [name, textAt(instance, secrets, pointer) ?? ''],
    )
    const client = { id, secret: secret ?? null }
    const party = { scheme, client, inputs: Object.fromEntries(inputs) }
    const url = tokenUrlOf(party)
    const hide = scrubber(secretTexts(instance.config, secrets))
    return { ...party, tokenHost: url === undefined ? scheme.tokenUrl : hide(url.host) }
  }
  const input = JSON.stringify(joinConfig({}, { [clientId]: '…', [clientSecret]: '…' }))
  throw new ConnectError('oauth_client_missing', {
    details: {
      instance: instance.name,
      input,
      client_id_field: clientId,
      client_secret_field: clientSecret,
    },
  })
}

function refreshTokenIn(scheme: OAuth2Scheme, secrets: Secrets): string | undefined {
  const pointer = fieldsOf(scheme).answer.refresh_token
  return pointer === undefined ? undefined : textOf(secrets[pointer])
}

/** The client id may be in the part of the configuration that is not secret. */
function textAt({ config }: OAuthInstance, secrets: Secrets, pointer: string): string | undefined {
  return textOf(secrets[pointer]) ?? textOf(valueAt(config, parsePointer(pointer)))
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function maskFailure(error: unknown, secrets: readonly string[]): TokenFailure {
  const { kind, reason } = tokenFailure(error)
  const mask = new Mask()
  mask.add(secrets)
  return { kind, reason: mask.showBeginning(reason, 300) }
}

/**
 * `reason`: without secrets. The error of the library is not its cause, because it contains the vendor's
 * whole response.
 */
interface Failure {
  readonly reason: string
}

function notSupported({ name, descriptor }: OAuthInstance): ConnectError {
  return new ConnectError('oauth_not_supported', {
    details: { type: descriptor.type, instance: name },
  })
}

function exchangeFailed(instance: OAuthInstance, party: NamedParty, why: Failure): ConnectError {
  return new ConnectError('oauth_exchange_failed', {
    details: { instance: instance.name, host: party.tokenHost, ...why },
  })
}

function refreshFailed(instance: OAuthInstance, party: NamedParty, why: Failure): ConnectError {
  return new ConnectError('oauth_refresh_failed', {
    details: { instance: instance.name, host: party.tokenHost, ...why },
  })
}

function reauthorize({ name }: OAuthInstance, reason: string): ConnectError {
  return new ConnectError('reauthorization_required', { details: { instance: name, reason } })
}

/**
 * The address that the browser returns to, as it is sent to the vendor: the service's own callback, or a
 * command line that listens on this machine. Anything else could leak the code. Throws
 * `oauth_redirect_invalid`.
 */
function checkedRedirectUri(redirectUri: string, callbackUrl: string): string {
  if (redirectUri === callbackUrl) return redirectUri
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined
  const isPlain =
    url?.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (url?.protocol === 'http:' && isLoopback(url.hostname) && isPlain) return url.href
  throw new ConnectError('oauth_redirect_invalid')
}
