import { z } from 'zod'
import { requestFailure } from '../../protocol/index.ts'
import type { Settings } from '../platform/config/settings.ts'
import { exchange } from '../../lib/net/exchange.ts'

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) })
export type IssuerKeySet = z.output<typeof keySetSchema>

/** Where the key set of an Identity service is. */
export function keySetUrl(
  identityUrl: string,
  { identityJwksUrl }: Pick<Settings, 'identityJwksUrl'>,
): string {
  return identityJwksUrl ?? `${identityUrl}/.well-known/jwks.json`
}

/** Fetches a key set. Throws if there is none: `keySetProblem` says why. */
export async function fetchKeySet(url: string): Promise<IssuerKeySet> {
  const { status, text } = await exchange(url, {
    method: 'GET',
    headers: { accept: 'application/json, application/jwk-set+json' },
    timeoutMs: 5_000,
    maxResponseBytes: 512 * 1024,
  })
  if (status !== 200) throw new TypeError(`it responds with status ${String(status)}`)
  return keySetSchema.parse(JSON.parse(text))
}

/** Why a key set could not be read, for people. */
export function keySetProblem(error: unknown): string {
  if (error instanceof SyntaxError) return 'its response is not JSON'
  if (error instanceof z.ZodError) return 'its response is not a key set (JWKS)'
  return requestFailure(error)
}
