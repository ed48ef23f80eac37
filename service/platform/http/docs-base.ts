import type { FastifyRequest, onRequestHookHandler } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The beginning of every `docs_url` in the response: `https://connect.example.com`, or nothing for a path
     * from the root.
     */
    docsBase: string
  }
}

/** At which URLs the service is reached, without a slash at their end. */
export interface KnownUrls {
  /** The `public_url` of the settings; used for every client. */
  readonly publicUrl?: string
  /** The addresses that the service listens on. */
  readonly ownUrls?: readonly string[]
}

/**
 * The base comes from what the service knows of itself. The `Host` of a request only chooses among its own
 * addresses: a made-up one is never repeated, neither in a response nor in anything that is stored.
 */
export function docsBases({
  publicUrl,
  ownUrls = [],
}: KnownUrls): (request: FastifyRequest) => string {
  const urlByHost = new Map(ownUrls.map((url) => [new URL(url).host, url]))
  return (request) => publicUrl ?? urlByHost.get(hostOf(request)) ?? ''
}

export function knowDocsBase(urls: KnownUrls): onRequestHookHandler {
  const baseOf = docsBases(urls)
  return (request, _reply, done) => {
    request.docsBase = baseOf(request)
    done()
  }
}

function hostOf({ headers }: FastifyRequest): string {
  return (headers.host ?? '').toLowerCase()
}
