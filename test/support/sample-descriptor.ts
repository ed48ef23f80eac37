import type { ConnectorDescription } from '../../service/catalog/schema.ts'

/**
 * Describes a connector that has one of everything that a descriptor may have. No connector that comes with
 * the program has actions or webhooks.
 */
export const sampleDescriptor: ConnectorDescription = {
  type: 'vendor',
  title: 'Vendor',
  kind: 'native',
  docsUrl: 'docs/connectors/vendor.md',
  spec: {
    type: 'object',
    properties: { count: { type: 'integer' }, token: { type: 'string', airbyte_secret: true } },
  },
  auth: [
    { kind: 'basic', usernameField: 'user', passwordField: 'token' },
    {
      kind: 'oauth2',
      authorizeUrl: 'https://vendor.example/authorize',
      tokenUrl: 'https://vendor.example/token',
      scopes: ['read'],
    },
  ],
  streams: null,
  generatesStreams: false,
  actions: [
    {
      name: 'ping',
      title: 'Ping',
      input: {},
      output: {},
      effect: 'read',
      requiresConfirmation: false,
      idempotency: 'natural',
      dryRun: 'synthesized',
    },
  ],
  webhooks: [
    {
      name: 'events',
      title: 'Events',
      signature: {
        header: 'x-signature',
        algorithm: 'sha256',
        encoding: 'hex',
        form: 'one',
        prefix: '',
        signed: '{timestamp}.{body}',
        timestamp: { from: 'header:x-time', unit: 's' },
        idHeader: null,
        secret: 'text',
      },
      replayWindowMs: 300_000,
      secretFrom: 'vendor',
      eventId: '/id',
      eventType: '/type',
      refreshes: { 'user.created': 'users' },
    },
  ],
}
