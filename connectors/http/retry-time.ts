import { retryAfterMs } from '../../lib/net/retry-after.ts'
import type { JsonObject } from '../../protocol/index.ts'
import type { ActionResponse } from '../action.ts'
import type { VendorApi } from './vendor-api.ts'

/** A time further away is not one that a vendor means. */
const longestWaitMs = 366 * 86_400_000

/** When the vendor asks to try again, in milliseconds since 1970; undefined if it does not say so. */
export function askedTimeMs(
  { headers }: Pick<ActionResponse, 'headers'>,
  { resetMs }: Pick<VendorApi, 'resetMs'>,
  nowMs: number,
): number | undefined {
  const pauseMs = retryAfterMs(headers.get('retry-after'), nowMs)
  return pauseMs === undefined ? resetMs?.(headers) : nowMs + pauseMs
}

/** The time for people and programs; undefined if it has passed, or cannot be meant. */
export function retryFacts(
  atMs: number | undefined,
  nowMs: number,
): { readonly retry_after_seconds: number; readonly retry_at: string } | undefined {
  if (atMs === undefined || !(atMs > nowMs && atMs - nowMs < longestWaitMs)) return undefined
  const seconds = Math.ceil((atMs - nowMs) / 1000)
  return {
    retry_after_seconds: seconds,
    retry_at: new Date(atMs).toISOString(),
  } satisfies JsonObject
}

/** A number in a header. */
export function headerNumber(
  headers: ReadonlyMap<string, string>,
  name: string,
): number | undefined {
  const text = headers.get(name)
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}
