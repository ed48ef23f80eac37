import { splitUrl } from '../../manifest-interpreter/http/split-url.ts'
import { TransportError } from '../../manifest-interpreter/http/transport-error.ts'
import { UndiciTransport } from '../../manifest-interpreter/http/undici-transport.ts'
import type { ManifestFile } from './find-manifests.ts'

/** The largest of Airbyte's manifests has one megabyte. */
const maxBytes = 16 * 1024 * 1024

export interface FetchOptions {
  readonly signal: AbortSignal
  readonly allowedNetworks: readonly string[]
}

export function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
}

/**
 * Fetches a manifest over https, through the guard that keeps sources out of private networks. Throws a `TransportError`
 * that says why it cannot.
 */
export async function fetchManifest(url: string, options: FetchOptions): Promise<ManifestFile> {
  if (!isSecure(url))
    throw new TransportError('invalid-scheme', 'A manifest is fetched over https:// only.')
  const { allowedNetworks, signal } = options
  const transport = new UndiciTransport({ allowedNetworks, maxBodyBytes: maxBytes })
  try {
    const request = { method: 'GET', url, headers: new Map<string, string>(), body: null }
    const response = await transport.send(request, signal)
    // It may have been redirected.
    if (!isSecure(response.url))
      throw new TransportError('invalid-scheme', 'It redirects to an address without https://.')
    if (response.status !== 200)
      throw new TransportError('connection', `It responds with status ${response.status}, not 200.`)
    return { from: url, text: await response.text() }
  } finally {
    await transport.close()
  }
}

function isSecure(url: string): boolean {
  return splitUrl(url).scheme.toLowerCase() === 'https'
}
