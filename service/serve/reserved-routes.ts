import { ConnectError } from '../../protocol/index.ts'
import type { App } from '../platform/http/app.ts'
import { failuresOnly } from '../platform/http/failures.ts'

/** Routes that a later version will implement, so that clients can be written for them and get a clear error. */
const reserved = [
  ['GET', '/policies/conflict', 'listConflictPolicies', 'A conflict policy', 'policies:read'],
  ['POST', '/policies/conflict', 'createConflictPolicy', 'A conflict policy', 'policies:create'],
] as const

export function reservedRoutes(api: App): void {
  for (const [method, url, operationId, feature, action] of reserved) {
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
      onRequest: () => Promise.reject(new ConnectError('not_available', { details: { feature } })),
      handler: () => undefined,
    })
  }
}
