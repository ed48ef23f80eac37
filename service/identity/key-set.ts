import { z } from 'zod'
import { requestFailure } from '../../protocol/index.ts'
import type { Settings } from '../config/settings.ts'
import { limitedText } from '../limited-text.ts'

const MAX_BYTES = 512 * 1024
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) })

/** For a key set to arrive. */
export const keySetTimeoutMs = 5_000

/** Where the key set of an Identity service is. */
export function keySetUrl(identityUrl: string, { identityJwksUrl }: KeySetSettings): string {
  return identityJwksUrl ?? `${identityUrl}/.well-known/jwks.json`
}

type KeySetSettings = Pick<Settings, 'identityJwksUrl'>

/** Asks for a key set. Redirects are not followed. Throws where there is none: see `keySetProblem`. */
export async function fetchKeySet(
  url: string,
  init: RequestInit = { signal: AbortSignal.timeout(keySetTimeoutMs) },
): Promise<z.output<typeof keySetSchema>> {
  const response = await fetch(url, { ...init, redirect: 'manual' })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new TypeError(`it answers with status ${String(response.status)}`)
  }
  return keySetSchema.parse(JSON.parse(await limitedText(response.body, MAX_BYTES)))
}

/** Why a key set could not be read, for people. */
export function keySetProblem(error: unknown): string {
  if (error instanceof SyntaxError) return 'its answer is no JSON'
  if (error instanceof z.ZodError) return 'its answer is no key set (JWKS)'
  return requestFailure(error)
}
