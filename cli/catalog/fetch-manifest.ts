import { fetchText, type FetchOptions } from '../../service/catalog/published/fetch-published.ts'
import type { ManifestFile } from './manifest-file.ts'

export function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
}

/** Fetches a manifest. Throws a `TransportError` that says why it cannot. */
export async function fetchManifest(url: string, options: FetchOptions): Promise<ManifestFile> {
  return { from: url, text: await fetchText(url, options) }
}
