import { ConnectError } from '../../../protocol/index.ts'
import type { App } from '../app.ts'
import { failuresOnly } from '../failures.ts'

/** Routes of the product that a later version fills: so that clients can be written for them, and get an honest answer. */
const reserved = [
  { method: 'POST', url: '/connections/:name/sandbox', feature: 'The sandbox' },
  { method: 'POST', url: '/connections/:name/promote', feature: 'Promoting a sandbox' },
  { method: ['GET', 'POST'], url: '/policies/conflict', feature: 'A conflict policy' },
  { method: ['GET', 'POST'], url: '/receivers', feature: 'A webhook receiver' },
  { method: 'POST', url: '/ingress/:token', feature: 'Webhook ingress', anonymous: true },
  { method: 'GET', url: '/instances/:name/actions', feature: 'The list of actions' },
  {
    method: 'POST',
    url: '/instances/:name/actions/:action/invoke',
    feature: 'Invoking an action',
  },
  { method: 'GET', url: '/instances/:name/codegen', feature: 'Generating a typed client' },
  { method: 'GET', url: '/schemas/:fingerprint', feature: 'The registry of schemas' },
] as const

export function reservedRoutes(api: App): void {
  for (const route of reserved) {
    const anonymous = 'anonymous' in route
    api.route({
      method: [route.method].flat(),
      url: route.url,
      exposeHeadRoute: false,
      ...(anonymous && { config: { anonymous: true } }),
      schema: {
        tags: ['not available'],
        summary: `${route.feature}: not available in this version`,
        ...(anonymous && { security: [] }),
        response: anonymous
          ? failuresOnly('not_available')
          : failuresOnly('unauthorized', 'not_available'),
      },
      // After the key, before the body: nothing is read that is not used.
      onRequest: () =>
        Promise.reject(new ConnectError('not_available', { details: { feature: route.feature } })),
      handler: () => undefined,
    })
  }
}
