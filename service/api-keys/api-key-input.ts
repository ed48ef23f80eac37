import type { z } from 'zod'
import { type apiKeyCreate, type ApiKeyInput, longestMs, msOf, scopesOf } from './schema.ts'
import { requestInvalid } from '../platform/http/error-answer.ts'

/** Throws `request_invalid` for a key that would have expired, or would last for more than ten years. */
export function apiKeyInputOf(
  { name, kind, scopes, expires_in, expires_at }: z.output<typeof apiKeyCreate>,
  nowMs: number,
): ApiKeyInput {
  const input = { name, kind, ...(scopes !== undefined && { scopes: scopesOf(scopes) }) }
  if (expires_in !== undefined) return { ...input, expiresAt: isoTime(nowMs + msOf(expires_in)) }
  if (expires_at === undefined) return input
  const endMs = Date.parse(expires_at)
  if (endMs <= nowMs) throw requestInvalid(['body/expires_at: it is in the past'])
  if (endMs - nowMs > longestMs)
    throw requestInvalid(['body/expires_at: it is more than ten years away; leave it out instead'])
  return { ...input, expiresAt: isoTime(endMs) }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
