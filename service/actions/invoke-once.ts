import type { ReadOnly } from '../../lib/types/read-only.ts'
import { ConnectError, parseExactJson, type ErrorBody } from '../../protocol/index.ts'
import type {
  IdempotencyBegin,
  IdempotencyStore,
  IdempotentRequest,
  StoredResponse,
} from '../platform/http/idempotency-contract.ts'
import { isOutcomeUnknown } from '../platform/http/outcome-unknown.ts'
import { seal, unseal } from '../platform/vault/sealed-secrets.ts'
import type { StoredKey } from '../platform/vault/stored-key.ts'
import { invocationSchema, type Invocation } from './schema.ts'
import type { InvocationEnd } from './contract.ts'
import { z } from 'zod'
import type { Logger } from 'pino'

type StoredEnd = ReadOnly<z.output<typeof storedEnd>>

/** The result of a call, or the failure after which nobody knows whether it was carried out. */
const storedEnd = z.union([
  z.object({ invocation: invocationSchema }),
  z.object({ error: z.custom<ErrorBody>() }),
])

export interface InvokeOnceOptions {
  readonly store: IdempotencyStore
  /** Encrypts what is stored: a vendor's response may hold secrets. */
  readonly key: StoredKey
  readonly logger: Logger
  /** The call may be sent again although it may have been carried out. */
  readonly mayRepeat: boolean
}

/**
 * Carries out a call once for each key, for a day: a repeated one gets the same result. One whose outcome is
 * unknown is tried again if it may be, as another attempt of the same call; otherwise it gets the same
 * failure. A call that failed before the vendor did anything leaves its key free, if it is the first attempt.
 */
export async function invokeOnce(
  request: IdempotentRequest,
  work: (begin: IdempotencyBegin) => Promise<Invocation>,
  { store, key, logger, mayRepeat }: InvokeOnceOptions,
): Promise<InvocationEnd> {
  const start = await store.begin(request)
  const sealingKey = await key.get()
  const place = `${request.principal} ${request.key} ${request.requestHash}`
  if (start.state === 'done') return replay(unsealEnd(start.answer, place, sealingKey))
  const { ticket } = start
  const finish = async (end: StoredEnd): Promise<void> => {
    const text = JSON.stringify(end)
    const sealed = seal({ name: place, version: 1, text }, sealingKey).toString('base64')
    await store.finish(ticket, { status: 200, headers: {}, body: { sealed } })
  }
  const note = (failure: unknown): void => {
    logger.warn({ err: failure }, 'the idempotency key could not be kept or released')
  }
  try {
    const invocation = await work(start)
    await finish({ invocation }).catch(note)
    return { invocation, isReplayed: false }
  } catch (error) {
    const failure = ConnectError.from(error)
    const settle = async (): Promise<void> => {
      // Whatever ends this attempt says nothing of an earlier one, so the vendor must go on to know the call
      // by its first ticket. An unexpected error is a mistake of ours, perhaps behind the vendor's response.
      const isUnclear =
        start.attempt > 1 || failure.code === 'unexpected' || isOutcomeUnknown(failure)
      if (mayRepeat && isUnclear) return store.release(ticket)
      // If the call may not be repeated, `action_unavailable` says that the vendor never received it.
      if (!isUnclear || failure.code === 'action_unavailable') return store.abandon(ticket)
      return finish({ error: failure.toJSON() })
    }
    await settle().catch(note)
    throw error
  }
}

function replay(end: StoredEnd): InvocationEnd {
  if ('error' in end) throw ConnectError.fromJSON(end.error)
  return { invocation: end.invocation, isReplayed: true }
}

const sealedBody = z.object({ sealed: z.string() })

function unsealEnd(
  { body }: StoredResponse,
  place: string,
  key: Parameters<typeof unseal>[2],
): StoredEnd {
  const sealed = sealedBody.safeParse(body).data?.sealed
  const plain = sealed === undefined ? undefined : unseal(Buffer.from(sealed, 'base64'), place, key)
  // The key in the vault is another one now: the call must not be repeated all the same.
  if (plain === undefined)
    throw new ConnectError('idempotency_key_in_use', { details: { retry_after_seconds: 86_400 } })
  return storedEnd.parse(parseExactJson(plain.text))
}
