import type { Builder } from '../../component.ts'
import type { HttpRequest } from '../../contracts.ts'
import {
  field,
  invalidComponent,
  list,
  optionalComponent,
  optionalText,
  text,
} from '../../definition.ts'
import { durationAt } from '../../datetime/iso-duration.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { CallBudget } from '../../http/source-http.ts'
import { isDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import type { PlainDict, Value } from '../../value/value.ts'
import {
  matchesPolicy,
  weightOf,
  type CallRatePolicy,
  type MatchedPolicy,
} from './api-budget/call-rate-policy.ts'
import { FixedWindowCallRatePolicy } from './api-budget/fixed-window-call-rate-policy.ts'
import { MovingWindowCallRatePolicy } from './api-budget/moving-window-call-rate-policy.ts'
import { unlimitedCallRatePolicy } from './api-budget/unlimited-call-rate-policy.ts'
import { toNumber } from '../../value/to-number.ts'
import { compileRequestMatcher, compileWeight } from './request-matcher.ts'

type BudgetBuilder = Pick<Builder, 'config' | 'templates' | 'environment'>

/**
 * The `api_budget` of a manifest (HTTPAPIBudget), for all requests of the source; undefined if it has none.
 */
export function buildCallBudget(
  manifest: PlainDict,
  builder: BudgetBuilder,
): CallBudget | undefined {
  const definition = optionalComponent(manifest, 'api_budget')
  if (definition === undefined) return undefined
  const { environment } = builder
  const policies = list(definition, 'policies').map((policy) => buildPolicy(policy, builder))
  const readResponse = compileResponseReader(definition)
  const policyFor = (request: HttpRequest): MatchedPolicy | undefined =>
    policies.find((policy) => matchesPolicy(policy, request))
  return {
    acquire: async (request) => {
      const matched = policyFor(request)
      if (matched === undefined) return
      const weight = weightOf(matched, request)
      for (;;) {
        const wait = matched.policy.tryAcquire(weight)
        if (wait === null) return
        environment.signal.throwIfAborted()
        await environment.sleep(Math.max(0, wait))
      }
    },
    observe: (request, response) => {
      const { available, resetMicros } = readResponse(response)
      policyFor(request)?.policy.update(available, resetMicros)
    },
  }
}

function buildPolicy(value: Value, builder: BudgetBuilder): MatchedPolicy {
  const definition = componentOf(value)
  const matchers = list(definition, 'matchers')
    .map(componentOf)
    .map((matcher) => ({
      matches: compileRequestMatcher(matcher),
      weight: compileWeight(matcher, builder),
    }))
  return { policy: policyOf(definition, builder), matchers }
}

function policyOf(definition: PlainDict, builder: BudgetBuilder): CallRatePolicy {
  const nowMicros = (): number => builder.environment.nowMicros()
  const type = text(definition, 'type')
  switch (type) {
    case 'FixedWindowCallRatePolicy':
      return new FixedWindowCallRatePolicy({
        limit: wholeNumber(field(definition, 'call_limit') ?? null, 'call_limit'),
        periodMicros: microsOf(definition, 'period'),
        nowMicros,
      })
    case 'MovingWindowCallRatePolicy': {
      const rates = list(definition, 'rates').map((rate) => rateOf(componentOf(rate), builder))
      return new MovingWindowCallRatePolicy(rates, nowMicros)
    }
    case 'UnlimitedCallRatePolicy':
      return unlimitedCallRatePolicy()
    default:
      throw invalidComponent('api_budget', `${type} is not a call rate policy.`)
  }
}

function rateOf(
  definition: PlainDict,
  { config, templates }: BudgetBuilder,
): { readonly limit: number; readonly intervalMs: number } {
  const limit = templates.string(str(field(definition, 'limit') ?? null))({ config })
  return {
    limit: wholeNumber(limit, 'limit'),
    intervalMs: Math.trunc(microsOf(definition, 'interval') / 1000),
  }
}

function microsOf(definition: PlainDict, name: 'period' | 'interval'): number {
  return Number(durationAt(`${name} of the api_budget`, text(definition, name)).micros)
}

function wholeNumber(value: Value, name: string): number {
  const number = toNumber(value)
  if (number === null) throw valueError(`The ${name} of a call rate is not a number.`)
  return Math.trunc(number)
}

function compileResponseReader(
  definition: PlainDict,
): (response: HttpResponse) => { available: number | null; resetMicros: number | null } {
  const headerName = (name: string, fallback: string): string => {
    const configured = optionalText(definition, name) ?? ''
    return configured === '' ? fallback : configured
  }
  const resetHeader = headerName('ratelimit_reset_header', 'ratelimit-reset')
  const leftHeader = headerName('ratelimit_remaining_header', 'ratelimit-remaining')
  const codes = list(definition, 'status_codes_for_ratelimit_hit').map(Number)
  const hits = new Set(codes.length > 0 ? codes : [429])
  return (response) => {
    const left = wholeHeader(response, leftHeader)
    const reset = wholeHeader(response, resetHeader)
    return {
      available: left ?? (hits.has(response.status) ? 0 : null),
      resetMicros: reset === null ? null : reset * 1e6,
    }
  }
}

function wholeHeader(response: HttpResponse, name: string): number | null {
  const value = response.headers.text(name)
  if (value === undefined || value === '') return null
  if (!/^\s*[+-]?\d+\s*$/.test(value))
    throw valueError(
      `The header ${name} holds no whole number. Correct api_budget in the manifest.`,
    )
  return Number(value)
}

function componentOf(value: Value): PlainDict {
  if (isDict(value) && !(value instanceof Map)) return value
  throw invalidComponent('api_budget', 'each of its parts must be a component.')
}
