import { SourceError } from '../../contracts.ts'
import {
  component,
  field,
  list,
  optionalDict,
  optionalNumber,
  optionalText,
} from '../../definition.ts'
import { durationAt } from '../../datetime/iso-duration.ts'
import { header as headerOf, setHeader } from '../../http/prepare-request.ts'
import { emptyDict, entries } from '../../value/dict.ts'
import { dumpJson } from '../../value/json-dumps.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { authentication } from './authentication.ts'
import { nonEmptyText } from './non-empty-text.ts'
import { quotaStatus } from './quota-status.ts'
import { SharedPerEnvironment } from './shared-per-environment.ts'
import { compileQuota, type TokenQuota } from './token-quota.ts'
import { TokenRotation } from './token-rotation.ts'
import type { Builder } from '../../component.ts'
import type { Authenticator, HttpRequest } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/**
 * Authenticators of a run by their settings: streams with the same ones, parents too, draw from the same
 * counters.
 */
const shared = new SharedPerEnvironment(() => new Map<string, Authenticator>())

/** RateLimitedMultipleTokenAuthenticator: several tokens, each used while it has calls left. */
export function rateLimitedMultipleTokenAuthenticator(
  definition: PlainDict,
  builder: Builder,
): Authenticator {
  const known = shared.stateOf(builder.environment)
  const settings = settingsOf(definition, builder)
  const existing = known.get(settings.key)
  if (existing !== undefined) return existing
  const authenticator = create(definition, settings, builder)
  known.set(settings.key, authenticator)
  return authenticator
}

interface Settings {
  readonly tokens: readonly string[]
  readonly header: string
  readonly authMethod: string
  readonly maxWaitSeconds: number
  readonly reserveFraction: number
  readonly minReserve: number
  /** Equal if two definitions mean the same. */
  readonly key: string
}

function settingsOf(definition: PlainDict, builder: Builder): Settings {
  const settings = {
    tokens: tokensOf(definition, builder),
    header: nonEmptyText(definition, 'header') ?? 'Authorization',
    authMethod: nonEmptyText(definition, 'auth_method') ?? 'Bearer',
    maxWaitSeconds: maxWaitSeconds(definition, builder),
    reserveFraction: optionalNumber(definition, 'budget_reserve_fraction') ?? 0.1,
    minReserve: optionalNumber(definition, 'budget_min_reserve') ?? 50,
  }
  const source = component(definition, 'quota_status_source')
  const key = dumpJson(
    {
      ...settings,
      tokens: [...settings.tokens],
      quotas: list(definition, 'quotas').map(withoutParameters),
      url: evaluate(optionalText(source, 'url') ?? '', builder),
      http_method: optionalText(source, 'http_method') ?? 'GET',
      headers: entries(optionalDict(source, 'request_headers') ?? emptyDict()).map(
        ([name, value]): Value => [name, evaluate(value, builder)],
      ),
      unavailable: [...list(source, 'unavailable_status_codes')],
    },
    { sortKeys: true },
  )
  return { ...settings, key }
}

function create(definition: PlainDict, settings: Settings, builder: Builder): Authenticator {
  const { tokens, header } = settings
  const quotas = list(definition, 'quotas').map(compileQuota)
  checkNotEmpty(tokens, quotas)
  const fetch = quotaStatus(definition, quotas, builder)
  const valueFor = (token: string) => `${settings.authMethod} ${token}`
  const rotation = new TokenRotation({
    ...settings,
    fetchStates: (token) => fetch({ [header]: valueFor(token) }),
    environment: builder.environment,
  })
  const quotaOf = quotaMatcher(quotas)
  const tokenOf = (request: HttpRequest): string | undefined => {
    const value = headerOf(request.headers, header)
    const prefix = `${settings.authMethod} `
    const token = value?.startsWith(prefix) === true ? value.slice(prefix.length).trim() : undefined
    return token !== undefined && rotation.knows(token) ? token : undefined
  }
  return {
    options: () =>
      Promise.resolve(authentication({ headers: { [header]: valueFor(rotation.activeToken) } })),
    authenticate: async (request) => {
      const token = await rotation.acquire(quotaOf(request))
      setHeader(request.headers, header, valueFor(token))
    },
    observe: (request, response) => {
      const token = tokenOf(request)
      if (token !== undefined) rotation.observe(token, quotaOf(request), response)
    },
    hasAlternative: (request) => {
      const token = tokenOf(request)
      return token !== undefined && rotation.hasAlternative(token, quotaOf(request))
    },
  }
}

/** The first pool with a matcher that fits, else the first pool without matchers, else the first pool. */
function quotaMatcher(quotas: readonly TokenQuota[]): (request: HttpRequest) => TokenQuota {
  const otherwise = quotas.find(({ matchers }) => matchers.length === 0) ?? quotas[0]
  return (request) => {
    const found = quotas.find(({ matchers }) => matchers.some((matches) => matches(request)))
    const quota = found ?? otherwise
    if (quota === undefined) throw new TypeError('There is no quota.')
    return quota
  }
}

function checkNotEmpty(tokens: readonly string[], quotas: readonly TokenQuota[]): void {
  if (tokens.length === 0)
    throw new SourceError('Authentication tokens are missing from the configuration.', {
      failureType: 'config_error',
    })
  if (quotas.length === 0)
    throw new SourceError('Quota pool configuration is missing.', { failureType: 'config_error' })
}

function tokensOf(definition: PlainDict, builder: Builder): readonly string[] {
  const tokens = field(definition, 'tokens') ?? null
  const texts = Array.isArray(tokens)
    ? tokens.map((token) => evaluate(token, builder))
    : evaluate(tokens, builder).split(nonEmptyText(definition, 'token_delimiter') ?? ',')
  return texts.map((token) => token.trim()).filter((token) => token !== '')
}

function maxWaitSeconds(definition: PlainDict, builder: Builder): number {
  const template = nonEmptyText(definition, 'max_wait_time') ?? 'PT2H'
  const place = 'max_wait_time of a RateLimitedMultipleTokenAuthenticator'
  const duration = durationAt(place, evaluate(template, builder), template)
  if (duration.isCalendar)
    throw valueError(
      "max_wait_time must be a fixed-length ISO 8601 duration (e.g. 'PT2H'); years and months are not supported",
    )
  return Number(duration.micros) / 1e6
}

function evaluate(template: Value, { config, templates }: Builder): string {
  return str(templates.string(template, { parameters: {} })({ config }))
}

/** `$parameters` differ by stream and do not change what a quota is. */
function withoutParameters(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutParameters)
  if (typeof value !== 'object' || value === null || !('type' in value || 'name' in value))
    return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== '$parameters')
      .map(([name, nested]): [string, Value] => [name, withoutParameters(nested)]),
  )
}
