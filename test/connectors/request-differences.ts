import type { ShownRequest } from '../../connectors/connector.ts'
import type { VendorRequest } from '../fakes/scripted-vendor.ts'

/**
 * The differences between the request of a dry-run and the one that the vendor got. Secrets are not compared.
 */
export function requestDifferences(
  shown: ShownRequest,
  sent: VendorRequest,
  { url, secret }: { readonly url: string; readonly secret: string },
): readonly string[] {
  const headers = Object.entries(shown.headers).map(([name, value]) => {
    const received = String(sent.headers[name.toLowerCase()])
    return difference(name, value, received.replaceAll(secret, '***'))
  })
  return [
    difference('the address', `${shown.method} ${shown.url}`, `${sent.method} ${url}${sent.url}`),
    ...headers,
    bodyDifference(shown, sent.body),
  ].filter((text) => text !== undefined)
}

/** Bytes are shown by their length and hash, so their bodies are not compared. */
function bodyDifference({ body, headers }: ShownRequest, sent: string): string | undefined {
  if (body === undefined) return difference('the body', '', sent)
  if (typeof body === 'string') return difference('the body', body, sent)
  if (headers['Content-Type']?.includes('json') !== true) return undefined
  return difference('the body', JSON.stringify(body), sent)
}

function difference(name: string, shown: string, sent: string): string | undefined {
  return shown === sent ? undefined : `${name}: the dry-run shows "${shown}", "${sent}" was sent`
}
