import { createHash } from 'node:crypto'
import { standardWebhooks } from '../../connectors/webhook-signature.ts'
import { newId } from '../../service/platform/database/ids.ts'
import type { Store } from '../../service/store/store.ts'
import type { NewDelivery } from '../../service/webhooks/deliveries/contract.ts'
import { settledOf } from '../../service/webhooks/dispatch/dispatch-outcome.ts'
import type { IngressReceiver } from '../../service/webhooks/ingress/receiver-directory.ts'
import type { DeliveryRules } from '../../service/webhooks/receivers/schema.ts'

/** An event as the ingress gives it to the log. */
export function newDelivery(
  receiverId: string,
  {
    body: text = '{"a":1}',
    ...fields
  }: Partial<Omit<NewDelivery, 'body'>> & { readonly body?: string } = {},
): NewDelivery {
  const body = Buffer.from(text)
  return {
    id: newId('dlv'),
    receiverId,
    eventId: 'evt_1',
    eventType: 'order.paid',
    kind: 'event',
    receivedAtMs: Date.now(),
    headers: { 'content-type': 'application/json' },
    body,
    bodyHash: createHash('sha256').update(body).digest(),
    dispatches: [{ target: 'job:work', orderKey: null }],
    ...fields,
  }
}

/** A target of a receiver fails so often in a row that nothing is sent to it for a time. */
export async function interrupt(
  { store }: { readonly store: Store },
  receiver: string,
  target: string,
): Promise<void> {
  const { id } = await store.receivers.get(receiver)
  const dispatches = [{ target, orderKey: null }]
  for (let count = 0; count < 5; count++)
    await store.deliveryLog.append(newDelivery(id, { eventId: newId('dlv'), dispatches }))
  const claimed = await store.dispatches.claim('me', { limit: 9, leaseMs: 60_000 })
  const failure = { outcome: 'failed', isTargetDown: true } as const
  const reason = 'it responded with status 503'
  await store.dispatches.settle(
    'me',
    claimed.map((each) => settledOf(each, { ...failure, reason }, 0)),
  )
}

/** Standard Webhooks, with the id in the header and the type in the body. */
export const standardRules: DeliveryRules = {
  signature: standardWebhooks,
  eventId: 'header:webhook-id',
  eventType: '/type',
  replayWindowSeconds: 300,
}

export const standardSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** A receiver as the directory has it. */
export function ingressReceiver(input: Partial<IngressReceiver> = {}): IngressReceiver {
  const { signature, eventId, eventType, replayWindowSeconds } = standardRules
  return {
    id: 'rcv_1',
    name: 'events',
    rules: {
      signature,
      eventId,
      eventType,
      windowMs: replayWindowSeconds * 1000,
      handshakes: [],
      perDelivery: [],
    },
    dispatch: [{ target: 'job:work' }],
    secretsAt: () => [standardSecret],
    ...input,
  }
}
