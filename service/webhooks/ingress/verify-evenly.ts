import { createSecretKey, randomBytes } from 'node:crypto'
import { standardWebhooks } from '../../../connectors/webhook-signature.ts'
import { mostPrevious } from '../receivers/previous.ts'
import { hmacOf } from '../signature/hmac.ts'
import { problemOf, type SignatureProblem, type SignedRequest } from '../signature/verify.ts'
import type { IngressReceiver } from './receiver-directory.ts'

/** A receiver has this many valid secrets at most. */
const mostSecrets = 1 + mostPrevious

/** Signs what no receiver signs. Its result is thrown away. */
const decoy = {
  signature: { ...standardWebhooks, encoding: 'hex' as const },
  key: createSecretKey(randomBytes(32)),
  facts: { timestamp: '1700000000', id: 'none' },
}

export interface EvenOptions {
  readonly nowMs: number
  /** Default: `hmacOf`. */
  readonly hmac?: typeof hmacOf
}

/**
 * Whether a delivery is genuine. Every refusal costs the same number of HMACs over the body, whether no
 * receiver has the token, the receiver has no secret, the signature is missing, or it is wrong: neither the
 * response nor its time reveals the reason.
 */
export function verifyEvenly(
  receiver: IngressReceiver | undefined,
  request: SignedRequest,
  { nowMs, hmac = hmacOf }: EvenOptions,
): SignatureProblem | undefined {
  let hmacs = 0
  const counted: typeof hmacOf = (...signed) => {
    hmacs += 1
    return hmac(...signed)
  }
  const problem =
    receiver === undefined
      ? 'signature_wrong'
      : problemOf(receiver.rules.signature, request, {
          secrets: receiver.secretsAt(nowMs),
          nowMs,
          windowMs: receiver.rules.windowMs,
          hmac: counted,
        })
  if (problem === undefined) return undefined
  const { signature, key, facts } = decoy
  while (hmacs < mostSecrets) counted(signature, { key, body: request.body, facts })
  return problem
}
