import type { RouteOptions } from 'fastify'

/** A hook for routes as they are added: one without an action stops the start, for nobody could say who may ask it. */
export function requireAction({ method, url, config }: RouteOptions): void {
  if (config?.action !== undefined || config?.anonymous === true) return
  throw new TypeError(`${[method].flat().join()} ${url} has no action: nobody could say who may`)
}
