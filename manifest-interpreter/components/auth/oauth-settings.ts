import {
  flag,
  list,
  optionalComponent,
  optionalDict,
  optionalText,
  parametersOf,
} from '../../definition.ts'
import { PyDateTime } from '../../value/py-datetime.ts'
import { get, has } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import { compileGlob, find } from '../transformations/dpath.ts'
import { jwtSource } from './jwt-authenticator.ts'
import { nonEmptyText } from './non-empty-text.ts'
import { refreshErrorRules, type RefreshErrorRules } from './oauth-refresh-error.ts'
import { parseMoment, plusSeconds, type ExpiryKind } from './oauth-token-response.ts'
import { ConfigTokenStore, MemoryTokenStore, type TokenStore } from './oauth-token-store.ts'
import type { Builder } from '../../component.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'
import type { TokenSource } from './token-source.ts'

/** The settings of a token request, read again for each request. */
export interface OAuthSettings {
  /** Null if access tokens are given, not requested. */
  readonly endpoint: () => string | null
  readonly clientIdName: () => Value
  readonly clientId: () => Value
  readonly clientSecretName: () => Value
  readonly clientSecret: () => Value
  readonly refreshTokenName: () => Value
  /** Null if there is none: it is not sent then. */
  readonly refreshToken: () => Value
  readonly grantTypeName: () => Value
  readonly grantType: () => Value
  readonly accessTokenName: () => Value
  readonly expiresInName: () => Value
  readonly scopes: readonly Value[]
  readonly requestBody: () => Dict
  readonly requestHeaders: () => Dict
  /** The fields go into the query of the URL, not into the body. */
  readonly sendsQuery: boolean
  /** A signed assertion in the place of client credentials; null if there is none. */
  readonly assertion: TokenSource | null
  readonly expiryKind: ExpiryKind
  readonly store: TokenStore
  readonly rules: RefreshErrorRules
  /** The refresh token works once, and its successor comes with each access token. */
  readonly isSingleUse: boolean
}

export function oauthSettings(definition: PlainDict, builder: Builder): OAuthSettings {
  return optionalComponent(definition, 'refresh_token_updater') === undefined
    ? memorySettings(definition, builder)
    : singleUseSettings(definition, builder)
}

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** Tokens stay in memory, and all templates are evaluated again for each request. */
function memorySettings(definition: PlainDict, builder: Builder): OAuthSettings {
  const read = reader(definition, builder)
  const usesAssertion = flag(definition, 'use_profile_assertion', false)
  const common = commonSettings(definition, builder, usesAssertion ? JWT_BEARER : undefined)
  const refreshTemplate = read.optional('refresh_token')
  const refreshToken = () => (refreshTemplate === undefined ? null : str(refreshTemplate()))
  const clientSecret = read.optional('client_secret') ?? (() => '')
  const profile = optionalComponent(definition, 'profile_assertion')
  checkCredentials(definition, { usesAssertion, profile })
  if (common.grantType() === 'refresh_token' && refreshTemplate === undefined)
    throw valueError(
      "OAuthAuthenticator configuration error: A 'refresh_token' is required when the 'grant_type' is set to 'refresh_token'.",
    )
  return {
    ...common,
    endpoint: endpointSource(read.optional('token_refresh_endpoint')),
    clientId: clientIdSource(read.optional('client_id')),
    clientSecret,
    refreshToken,
    refreshTokenName: read.named('refresh_token_name', 'refresh_token'),
    assertion: usesAssertion && profile !== undefined ? jwtSource(profile, builder) : null,
    store: new MemoryTokenStore(
      read.optional('access_token_value')?.() ?? null,
      initialExpiry(definition, builder),
    ),
    rules: refreshErrorRules(definition, () => secretTexts([refreshToken(), clientSecret()])),
    isSingleUse: false,
  }
}

/**
 * Refresh tokens work once: the tokens are stored in the configuration. Templates are evaluated once, when
 * this is built.
 */
function singleUseSettings(definition: PlainDict, builder: Builder): OAuthSettings {
  const { config, environment } = builder
  const read = reader(definition, builder)
  const updater = optionalComponent(definition, 'refresh_token_updater') ?? {}
  const common = commonSettings(definition, builder, undefined)
  const endpoint = read.optional('token_refresh_endpoint')?.()
  if (endpoint === undefined)
    throw valueError(
      'An OAuthAuthenticator with a refresh_token_updater needs a token_refresh_endpoint.',
    )
  const body = common.requestBody()
  const headers = common.requestHeaders()
  const clientId = configured(config, 'client_id', read.optional('client_id'))
  const clientSecret = configured(config, 'client_secret', read.optional('client_secret'))
  const store = new ConfigTokenStore(
    config,
    {
      accessToken: pathOf(updater, 'access_token'),
      refreshToken: pathOf(updater, 'refresh_token'),
      expiry: pathOf(updater, 'token_expiry_date'),
    },
    environment,
  )
  // A wrong date shows when the stream is built, not in the middle of a read.
  store.expiry()
  return {
    ...common,
    endpoint: () => str(endpoint),
    clientId: () => clientId,
    clientSecret: () => clientSecret,
    refreshToken: () => store.refreshToken(),
    refreshTokenName: () => optionalText(updater, 'refresh_token_name') ?? 'refresh_token',
    requestBody: () => body,
    requestHeaders: () => headers,
    assertion: null,
    store,
    rules: refreshErrorRules(definition, () => secretTexts([store.refreshToken(), clientSecret])),
    isSingleUse: true,
  }
}

function commonSettings(definition: PlainDict, builder: Builder, grantType: string | undefined) {
  const read = reader(definition, builder)
  return {
    clientIdName: read.named('client_id_name', 'client_id'),
    clientSecretName: read.named('client_secret_name', 'client_secret'),
    grantTypeName: read.named('grant_type_name', 'grant_type'),
    grantType:
      grantType === undefined ? read.named('grant_type', 'refresh_token') : () => grantType,
    accessTokenName: read.named('access_token_name', 'access_token'),
    expiresInName: read.named('expires_in_name', 'expires_in'),
    scopes: list(definition, 'scopes'),
    requestBody: read.mapping('refresh_request_body'),
    requestHeaders: read.mapping('refresh_request_headers'),
    sendsQuery: flag(definition, 'send_refresh_request_as_query_params', false),
    expiryKind:
      nonEmptyText(definition, 'token_expiry_date_format') === undefined ? 'seconds' : 'moment',
  } as const
}

function reader(definition: PlainDict, { config, templates }: Builder) {
  const parameters = parametersOf(definition)
  const compile = (source: string): (() => Value) => {
    const compiled = templates.string(source, { parameters })
    return () => compiled({ config })
  }
  return {
    optional: (name: string) => {
      const source = optionalText(definition, name)
      return source === undefined ? undefined : compile(source)
    },
    /** An empty name counts as missing. */
    named: (name: string, otherwise: string) =>
      compile(nonEmptyText(definition, name) ?? otherwise),
    mapping: (name: string) => {
      const compiled = templates.mapping(optionalDict(definition, name) ?? {}, { parameters })
      return () => compiled({ config })
    },
  }
}

function endpointSource(template: (() => Value) | undefined): () => string | null {
  if (template === undefined) return () => null
  return () => {
    const endpoint = template()
    if (!truth(endpoint))
      throw valueError('OAuthAuthenticator was unable to evaluate token_refresh_endpoint parameter')
    return str(endpoint)
  }
}

function clientIdSource(template: (() => Value) | undefined): () => Value {
  return () => {
    const clientId = template?.()
    if (clientId === undefined || !truth(clientId))
      throw valueError('OAuthAuthenticator was unable to evaluate client_id parameter')
    return clientId
  }
}

function checkCredentials(
  definition: PlainDict,
  { usesAssertion, profile }: { usesAssertion: boolean; profile: PlainDict | undefined },
): void {
  const isMissing = (name: string) => !has(definition, name) || get(definition, name) === null
  if (!usesAssertion && (isMissing('client_id') || isMissing('client_secret')))
    throw valueError(
      "OAuthAuthenticator configuration error: Both 'client_id' and 'client_secret' are required for the basic OAuth flow.",
    )
  if (usesAssertion && profile === undefined)
    throw valueError(
      "OAuthAuthenticator configuration error: 'profile_assertion' is required when using the profile assertion flow.",
    )
}

/** When a given access token expires. Without a date it is due at once. */
function initialExpiry(definition: PlainDict, builder: Builder): PyDateTime {
  const source = nonEmptyText(definition, 'token_expiry_date')
  if (source === undefined) return aDayAgo(builder)
  if (/^\d+$/.test(source)) return parseMoment(source)
  return parseMoment(reader(definition, builder).optional('token_expiry_date')?.() ?? null)
}

function aDayAgo({ environment }: Builder): PyDateTime {
  return plusSeconds(PyDateTime.ofEpochMicros(BigInt(environment.nowMicros())), -86_400)
}

/** The value at `credentials` in the configuration takes precedence over the manifest. */
function configured(config: Dict, name: string, template: (() => Value) | undefined): Value {
  const found = find(config, compileGlob(['credentials', name]))
  return found === undefined ? (template?.() ?? '') : found
}

function pathOf(updater: PlainDict, name: string): readonly Value[] {
  const path = list(updater, `${name}_config_path`)
  return path.length > 0 ? path : ['credentials', name]
}

function secretTexts(values: readonly Value[]): readonly string[] {
  return values.filter((value) => typeof value === 'string').filter((value) => value !== '')
}
