import { splitUrl } from '../../manifest-interpreter/http/split-url.ts'
import { TransportError } from '../../manifest-interpreter/http/transport-error.ts'
import { UndiciTransport } from '../../manifest-interpreter/http/undici-transport.ts'
import { isLoopback } from '../../lib/net/loopback.ts'
import type { ManifestFile } from './manifest-file.ts'

/** The largest of Airbyte's manifests has one megabyte. */
const maxBytes = 16 * 1024 * 1024

export interface FetchOptions {
  readonly signal: AbortSignal
  readonly allowedNetworks: readonly string[]
}

export function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
}

/** Fetches a manifest. Throws a `TransportError` that says why it cannot. */
export async function fetchManifest(url: string, options: FetchOptions): Promise<ManifestFile> {
  return { from: url, text: await fetchText(url, options) }
}

/**
 * Fetches a text over https, through the guard that keeps sources out of private networks. An operator who
 * opened the network of this machine may use http there. Throws a `TransportError` that says why it cannot.
 */
export async function fetchText(url: string, options: FetchOptions): Promise<string> {
  const { allowedNetworks, signal } = options
  const isAllowed = (address: string): boolean =>
    isSecure(address) || (allowedNetworks.length > 0 && isOnThisMachine(address))
  if (!isAllowed(url))
    throw new TransportError('invalid-scheme', 'A manifest is fetched over https:// only.')
  const transport = new UndiciTransport({ allowedNetworks, maxBodyBytes: maxBytes })
  try {
    const request = { method: 'GET', url, headers: new Map<string, string>(), body: null }
    const response = await transport.send(request, signal)
    // It may have been redirected.
    if (!isAllowed(response.url))
      throw new TransportError('invalid-scheme', 'It redirects to an address without https://.')
    if (response.status !== 200)
      throw new TransportError('connection', `${url} responds with status ${response.status}.`)
    return await response.text()
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
