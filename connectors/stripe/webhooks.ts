import type { Manifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import type { WebhookDescriptor } from '../connector.ts'
import { objectStreams } from './streams/object-stream.ts'

/** https://docs.stripe.com/webhooks: the signature covers the time, which may be five minutes old. */
export function stripeWebhooks(manifest: Manifest): readonly WebhookDescriptor[] {
  const changes = [...objectStreams(manifest)].flatMap(([name, { events }]) =>
    events.map((type) => [type, name] as const),
  )
  return [
    {
      name: 'events',
      title: 'Events of the account',
      signature: {
        header: 'stripe-signature',
        algorithm: 'sha256',
        encoding: 'hex',
        form: 'pairs',
        prefix: 'v1',
        signed: '{timestamp}.{body}',
        timestamp: { from: 'pair:t', unit: 's' },
        idHeader: null,
        secret: 'text',
      },
      replayWindowMs: 300_000,
      eventId: '/id',
      eventType: '/type',
      secretFrom: 'vendor',
      refreshes: { ...Object.fromEntries(changes), ...ofOtherStreams },
    },
  ]
}

/** Streams that are read in full show their changes by events too. */
const ofOtherStreams = {
  'payment_method.attached': 'payment_methods',
  'payment_method.automatically_updated': 'payment_methods',
  'payment_method.detached': 'payment_methods',
  'payment_method.updated': 'payment_methods',
  'account.updated': 'accounts',
  'file.created': 'files',
  'invoice_payment.paid': 'invoice_payments',
} as const
