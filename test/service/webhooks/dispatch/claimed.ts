import type { ClaimedDispatch } from '../../../../service/webhooks/deliveries/contract.ts'

export const dispatchSecret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
export const previousSecret = `whsec_${Buffer.alloc(24, 8).toString('base64')}`
export const nowMs = Date.parse('2026-11-28T09:00:00Z')

/** An event as the store gives it. */
export function claimedEvent(
  target: string,
  change: {
    readonly body?: Buffer
    readonly attempt?: number
    readonly headers?: Readonly<Record<string, string>>
    readonly secretVersion?: number
    readonly eventType?: string | null
    readonly kind?: ClaimedDispatch['delivery']['kind']
  } = {},
): ClaimedDispatch {
  const {
    body = Buffer.from('{"n": 1.0}\n'),
    attempt = 1,
    headers = {},
    secretVersion = 1,
  } = change
  return {
    seq: '1',
    target,
    orderKey: null,
    attempt,
    receiver: {
      ...{ id: 'rcv_1', name: 'shop', webhook: 'events', instance: 'stripe-prod' },
      secretVersion,
    },
    delivery: {
      id: 'dlv_01J',
      eventId: 'evt_1',
      eventType: change.eventType === undefined ? 'charge.paid' : change.eventType,
      kind: change.kind ?? 'event',
      headers,
      body,
      receivedAt: '2026-11-28T09:00:00.000Z',
    },
  }
}
