import { isLoopback } from '../../../lib/net/loopback.ts'
import type { HttpResponse } from '../../../manifest-interpreter/http/http-response.ts'
import { splitUrl } from '../../../manifest-interpreter/http/split-url.ts'
import { TransportError } from '../../../manifest-interpreter/http/transport-error.ts'
import { UndiciTransport } from '../../../manifest-interpreter/http/undici-transport.ts'

/** The largest of Airbyte's manifests has one megabyte. */
const maxBytes = 16 * 1024 * 1024

export interface FetchOptions {
  readonly signal: AbortSignal
  readonly allowedNetworks: readonly string[]
  /** Default: 16 MiB. */
  readonly maxBytes?: number
}

/**
 * Fetches a text over https, through the guard that keeps sources out of private networks. An operator who
 * opened the network of this machine may use http there. Throws a `TransportError` that says why it cannot.
 */
export async function fetchText(url: string, options: FetchOptions): Promise<string> {
  return fetchPublished(url, options, async (response) => response.text())
}

/** The same for bytes. */
export async function fetchBytes(url: string, options: FetchOptions): Promise<Uint8Array> {
  return fetchPublished(url, options, async (response) => response.bytes())
}

async function fetchPublished<Body>(
  url: string,
  options: FetchOptions,
  read: (response: HttpResponse) => Promise<Body>,
): Promise<Body> {
  const { allowedNetworks, signal } = options
  const isAllowed = (address: string): boolean =>
    isSecure(address) || (allowedNetworks.length > 0 && isOnThisMachine(address))
  if (!isAllowed(url))
    throw new TransportError('invalid-scheme', 'A manifest is fetched over https:// only.')
  const limit = { maxBodyBytes: options.maxBytes ?? maxBytes }
  const transport = new UndiciTransport({ allowedNetworks, ...limit })
  try {
    const request = { method: 'GET', url, headers: new Map<string, string>(), body: null }
    const response = await transport.send(request, signal)
    // It may have been redirected.
    if (!isAllowed(response.url))
      throw new TransportError('invalid-scheme', 'It redirects to an address without https://.')
    if (response.status !== 200)
      throw new TransportError('connection', `${url} responds with status ${response.status}.`)
    return await read(response)
  } finally {
    await transport.close()
  }
}

function isSecure(url: string): boolean {
  return splitUrl(url).scheme.toLowerCase() === 'https'
}

function isOnThisMachine(url: string): boolean {
  return URL.canParse(url) && isLoopback(new URL(url).hostname)
}
