import type { OAuth2Fields } from '../../connectors/connector.ts'
import type { JsonValue } from '../../protocol/index.ts'
import type { Secrets } from '../platform/secrets/secret-fields.ts'
import type { TokenResponse } from './standard-flow.ts'

/** A run must make progress with a token before it expires. */
const marginMs = 300_000

/** The changes that a token endpoint's response makes to the secrets of an instance, by JSON pointer. */
export interface Tokens {
  readonly values: Secrets
  /** Fields that are no longer true: the expiry of another token. */
  readonly outdated: readonly string[]
}

/**
 * The fields that the connector uses, if the response has them. A refresh token that it does not replace
 * stays valid.
 */
export function tokensOf(
  { answer: places }: OAuth2Fields,
  answer: TokenResponse,
  nowMs: number,
): Tokens {
  const values = new Map<string, JsonValue>()
  const outdated: string[] = []
  for (const [name, pointer] of Object.entries(places)) {
    const value = name === 'token_expiry_date' ? expiryOf(answer, nowMs) : answer[name]
    if (isJson(value)) values.set(pointer, value)
    else if (name === 'token_expiry_date') outdated.push(pointer)
  }
  return { values: Object.fromEntries(values), outdated }
}

export function withTokens(secrets: Secrets, { values, outdated }: Tokens): Secrets {
  const remaining = Object.entries(secrets).filter(([pointer]) => !outdated.includes(pointer))
  return { ...Object.fromEntries(remaining), ...values }
}

/** Valid for at least a few minutes; also if the expiry is unknown. */
export function isFresh(fields: OAuth2Fields, secrets: Secrets, nowMs: number): boolean {
  return expiresAfter(fields, secrets, nowMs + marginMs)
}

/** Valid for at least a moment: enough for a vendor of short-lived tokens. */
export function isUsable(fields: OAuth2Fields, secrets: Secrets, nowMs: number): boolean {
  return expiresAfter(fields, secrets, nowMs)
}

function expiresAfter({ answer }: OAuth2Fields, secrets: Secrets, ms: number): boolean {
  const secretAt = (pointer: string | undefined) =>
    pointer === undefined ? undefined : secrets[pointer]
  const takesAccessToken = answer.access_token !== undefined
  // Only a refresh token, which was set manually.
  if (takesAccessToken && secretAt(answer.access_token) === undefined) {
    return secretAt(answer.refresh_token) === undefined
  }
  const expiry = secretAt(answer.token_expiry_date)
  return typeof expiry !== 'string' || !(Date.parse(expiry) <= ms)
}

function expiryOf({ expires_in: seconds }: TokenResponse, nowMs: number): string | undefined {
  if (typeof seconds !== 'number') return undefined
  // As far as a date goes; some vendors say "never" in seconds.
  return new Date(Math.min(nowMs + seconds * 1000, 8.64e15)).toISOString()
}

function isJson(value: unknown): value is JsonValue {
  return ['string', 'number', 'boolean'].includes(typeof value)
}
