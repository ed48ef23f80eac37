import { ConnectError } from '../../../protocol/index.ts'
import type { App } from '../app.ts'
import { failuresOnly } from '../failures.ts'

/** Routes of the product that a later version fills: so that clients can be written for them, and get an honest answer. */
const reserved = [
  ['POST', '/connections/:name/sandbox', 'runSandbox', 'The sandbox'],
  ['POST', '/connections/:name/promote', 'promoteSandbox', 'Promoting a sandbox'],
  ['GET', '/policies/conflict', 'listConflictPolicies', 'A conflict policy'],
  ['POST', '/policies/conflict', 'createConflictPolicy', 'A conflict policy'],
  ['GET', '/receivers', 'listReceivers', 'A webhook receiver'],
  ['POST', '/receivers', 'createReceiver', 'A webhook receiver'],
  ['POST', '/ingress/:token', 'receiveEvent', 'Webhook ingress'],
  ['POST', '/instances/:name/actions/:action/invoke', 'invokeAction', 'Invoking an action'],
] as const

/** Vendors send no key of ours: a token in the path and a signature will stand for it. */
const anonymousUrl = '/ingress/:token'

export function reservedRoutes(api: App): void {
  for (const [method, url, operationId, feature] of reserved) {
    const anonymous = url === anonymousUrl
    api.route({
      method,
      url,
      exposeHeadRoute: false,
      ...(anonymous && { config: { anonymous } }),
      schema: {
        tags: ['not available'],
        operationId,
        summary: `${feature}: not available in this version`,
        ...(anonymous && { security: [] }),
        response: anonymous
          ? failuresOnly('not_available')
          : failuresOnly('unauthorized', 'not_available'),
      },
      // After the key, before the body: nothing is read that is not used.
      onRequest: () => Promise.reject(new ConnectError('not_available', { details: { feature } })),
      handler: () => undefined,
    })
  }
}
