import { ConnectError } from '../../../protocol/index.ts'
import type { App } from './app.ts'

/**
 * Call it before the routes are added, and the returned function after them: it responds with 405 and `Allow`
 * to the methods that a path does not have. (Fastify itself responds with 404.)
 */
export function methodNotAllowed(app: App): () => void {
  const methodsByUrl = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByUrl.get(url) ?? new Set()
    for (const routeMethod of [method].flat()) methods.add(routeMethod)
    methodsByUrl.set(url, methods)
  })
  return () => {
    for (const [url, methods] of [...methodsByUrl]) {
      const allowed = [...methods].toSorted().join(', ')
      app.route({
        method: app.supportedMethods.filter((method) => !methods.has(method)),
        url,
        schema: { hide: true },
        exposeHeadRoute: false,
        config: { anonymous: true },
        onRequest: (request, reply) => {
          void reply.header('allow', allowed)
          const [path] = request.url.split('?')
          const details = { method: request.method, path: path ?? url, allowed }
          return Promise.reject(new ConnectError('method_not_allowed', { details }))
        },
        handler: () => undefined,
      })
    }
  }
}
