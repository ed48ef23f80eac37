import { ConnectError } from '../../protocol/index.ts'
import type { App } from '../platform/http/app.ts'
import { failuresOnly } from '../platform/http/failures.ts'

/**
 * Routes that a later version will implement, so that clients can be written for them and get a clear error.
 */
const reserved = [
  ['GET', '/policies/conflict', 'listConflictPolicies', 'policies:read'],
  ['POST', '/policies/conflict', 'createConflictPolicy', 'policies:create'],
] as const
const feature = 'A conflict policy'
const fix =
  'Keep two PostgreSQL databases the same from a file, whose `rules` have the same form: `reactor connect pair FILE` (docs/two-way.md).'

export function reservedRoutes(api: App): void {
  for (const [method, url, operationId, action] of reserved) {
    api.route({
      method,
      url,
      exposeHeadRoute: false,
      config: { reserved: true, action },
      schema: {
        tags: ['not available'],
        operationId,
        summary: `${feature}: not available in this version`,
        response: failuresOnly(
          'unauthorized',
          'permission_denied',
          'rate_limited',
          'not_available',
        ),
      },
      // After authentication, before the body: a body that is not used is not read.
      onRequest: () =>
        Promise.reject(new ConnectError('not_available', { details: { feature, fix } })),
      handler: () => undefined,
    })
  }
}
