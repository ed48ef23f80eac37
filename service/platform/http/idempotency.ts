import { createHmac } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { IdempotencyStore, StoredResponse } from './idempotency-contract.ts'
import { principalOf } from './authentication.ts'

export const idempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 characters of ASCII without spaces')
    .optional()
    .meta({
      description:
        'A unique text for each request (such as a UUID). For 24 hours, the same request with the same key, by the same API key or user, is executed once and gets the same response.',
    }),
})

/** For a route whose response shows a secret, which would have to be stored to be repeated. */
export const noIdempotencyHeaders = z
  .looseObject({ 'idempotency-key': z.undefined().optional() })
  .meta({ type: 'object' })

/** The response to a create: the document, and its address. */
export interface Created<Document> {
  readonly body: Document
  readonly headers: Readonly<Record<string, string>>
}

export type RespondCreated = <Document>(
  exchange: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  create: () => Promise<Created<Document>>,
) => Promise<void>

/**
 * Responds with 201 and the document that `create` made; with an `Idempotency-Key`, the one that it made the
 * first time. A create that failed made nothing, so its key is free again. If a process dies between creating
 * and storing the response, the key is in use for a minute; then the request is executed again, and responds
 * with 409 for names and runs that exist.
 */
export function respondCreated(
  store: IdempotencyStore,
  hashKey: () => Promise<Uint8Array>,
): RespondCreated {
  return async ({ request, reply }, create) => {
    const key = request.headers['idempotency-key']
    if (typeof key !== 'string') {
      await send(reply, { status: 201, ...(await create()) })
      return
    }
    const principal = principalOf(request).id
    const requestHash = hashOf(request, principal, await hashKey())
    const start = await store.begin({ principal, key, requestHash })
    if (start.state === 'done') {
      await send(reply.header('idempotent-replayed', 'true'), start.answer)
      return
    }
    const created = await create().catch(async (error: unknown) => {
      await store.abandon(start.ticket).catch(logFailure(request))
      throw error
    })
    const body = z.json().parse(JSON.parse(JSON.stringify(created.body)))
    await store
      .finish(start.ticket, { status: 201, headers: created.headers, body })
      .catch(logFailure(request))
    await send(reply, { status: 201, ...created })
  }
}

/**
 * The effect counts, not whether the key could be stored: a repetition then responds with 409 instead of the
 * same response.
 */
function logFailure({ log }: FastifyRequest): (failure: unknown) => void {
  return (failure) => {
    log.warn({ err: failure }, 'the idempotency key could not be kept or released')
  }
}

/**
 * The reply must be awaited: the value that a route's function resolves with before that would be sent as a
 * second response.
 */
function send(
  reply: FastifyReply,
  answer: Omit<StoredResponse, 'body'> & { readonly body: unknown },
): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(answer.body)
}

/**
 * Raise it when the content of the hash changes: a key that another version has stored is then refused with
 * that reason.
 */
const hashFormat = '2'

/** The body may contain secrets, and a plain hash of a short secret can be guessed. */
function hashOf(
  { method, url, body }: FastifyRequest,
  principal: string,
  hashKey: Uint8Array,
): string {
  const hash = createHmac('sha256', hashKey)
    .update(JSON.stringify([principal, method, url, body]))
    .digest('hex')
  return `${hashFormat}:${hash}`
}
