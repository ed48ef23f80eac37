import { createHmac } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { IdempotencyStore, StoredAnswer } from './idempotency-contract.ts'
import { principalOf } from './authentication.ts'

export const idempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 characters of ASCII without spaces')
    .optional()
    .meta({
      description:
        'A unique text for each request (such as a UUID). For 24 hours, the same request with the same key is executed once and gets the same response.',
    }),
})

/** What a create answers: its document, and where it is. */
export interface Created<Document> {
  readonly body: Document
  readonly headers: Readonly<Record<string, string>>
}

export type AnswerCreate = <Document>(
  exchange: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  create: () => Promise<Created<Document>>,
) => Promise<void>

/**
 * Answers 201 with what `create` made; with an `Idempotency-Key`, what it made the first time. A create that failed made
 * nothing, so its key is free again. A process that dies between making and keeping leaves a key that is in use for a
 * minute; then the request is done again, and names and runs that exist answer 409.
 */
export function answerCreate(
  store: IdempotencyStore,
  hashKey: () => Promise<Uint8Array>,
): AnswerCreate {
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

/** What was done counts, not whether its key could be kept: then a repetition answers 409 instead of the same. */
function logFailure({ log }: FastifyRequest): (failure: unknown) => void {
  return (failure) => {
    log.warn({ err: failure }, 'the idempotency key could not be kept or released')
  }
}

/** Awaited, it is over: what a route's function resolves with before would be sent as a second answer. */
function send(
  reply: FastifyReply,
  answer: Omit<StoredAnswer, 'body'> & { readonly body: unknown },
): FastifyReply {
  return reply.code(answer.status).headers(answer.headers).send(answer.body)
}

/** The body may hold secrets, and a bare hash of a short secret can be guessed. */
function hashOf(
  { method, url, body }: FastifyRequest,
  principal: string,
  hashKey: Uint8Array,
): string {
  return createHmac('sha256', hashKey)
    .update(JSON.stringify([principal, method, url, body]))
    .digest('hex')
}
