import type { RouteOptions } from 'fastify'

/**
 * A hook for added routes: a route without an action prevents the start, because no policy could decide who
 * may use it.
 */
export function requireAction({ method, url, config }: RouteOptions): void {
  if (config?.action !== undefined || config?.anonymous === true) return
  throw new TypeError(`${[method].flat().join()} ${url} has no action: nobody could say who may`)
}
