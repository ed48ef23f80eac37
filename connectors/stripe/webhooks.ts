import type { WebhookDescriptor } from '../connector.ts'

/** https://docs.stripe.com/webhooks: the signature covers the time, which may be five minutes old. */
export const stripeWebhooks: readonly WebhookDescriptor[] = [
  {
    name: 'events',
    title: 'Events of the account',
    signature: { scheme: 'stripe-v1', header: 'stripe-signature' },
    replayWindowMs: 300_000,
    eventId: '/id',
    eventType: '/type',
    refreshes: {
      'customer.created': 'customers',
      'customer.updated': 'customers',
      'customer.deleted': 'customers',
    },
  },
]
