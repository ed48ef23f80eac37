import type { FastifyRequest } from 'fastify'
import { requestInvalid } from './error-response.ts'
import { maxBodyDepth } from './limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route reads its body itself, as bytes. */
    readonly ownBody?: true
  }
}

interface Place {
  readonly value: unknown
  readonly depth: number
}

/**
 * Rejects JSON that is legal but cannot be stored: PostgreSQL's jsonb supports no NUL and no half of a
 * surrogate pair, JSON.parse rounds large numbers, and deep nesting overflows recursive functions. Iterative
 * for the same reason.
 */
export function checkBody({ body, routeOptions }: FastifyRequest): Promise<void> {
  if (routeOptions.config.ownBody === true) return Promise.resolve()
  if (body === null) return Promise.reject(requestInvalid(['body: it is null']))
  const open: Place[] = [{ value: body, depth: 0 }]
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const problem = problemOf(place)
    if (problem !== null) return Promise.reject(requestInvalid([`body: ${problem}`]))
    const { value, depth } = place
    if (typeof value !== 'object' || value === null) continue
    for (const [key, inner] of Object.entries(value)) {
      if (!isText(key)) return Promise.reject(requestInvalid([`body: ${notText}`]))
      open.push({ value: inner, depth: depth + 1 })
    }
  }
  return Promise.resolve()
}

function problemOf({ value, depth }: Place): string | null {
  if (depth > maxBodyDepth) return `it is nested deeper than ${maxBodyDepth} levels`
  if (typeof value === 'number' && !isExact(value)) {
    return 'it has a number beyond 2^53, which would be rounded: give a smaller one, or a text if the field takes texts'
  }
  if (typeof value === 'string' && !isText(value)) return notText
  return null
}

const notText = 'it has text with a NUL character or half of a surrogate pair'

/** JSON.parse has changed an integer beyond that. */
function isExact(value: number): boolean {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER
}

function isText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}
