import type { WebhookDescriptor } from '../connector.ts'

/** https://linear.app/developers/webhooks: the signed body has the time of sending, `webhookTimestamp`. */
export const linearWebhooks: readonly WebhookDescriptor[] = [
  {
    name: 'events',
    title: 'Changes of data',
    signature: {
      header: 'linear-signature',
      algorithm: 'sha256',
      encoding: 'hex',
      form: 'one',
      prefix: '',
      signed: '{body}',
      timestamp: { from: '/webhookTimestamp', unit: 'ms' },
      idHeader: null,
      secret: 'text',
    },
    replayWindowMs: 60_000,
    // The webhookId of the body is that of the subscription.
    eventId: 'header:linear-delivery',
    eventType: '/type',
    secretFrom: 'vendor',
    refreshes: {
      Issue: 'issues',
      IssueSLA: 'issues',
      Comment: 'comments',
      IssueLabel: 'labels',
      Project: 'projects',
      Cycle: 'cycles',
      User: 'users',
      Attachment: 'attachments',
    },
  },
]
