import { isLoopback } from '../../lib/net/loopback.ts'
import { ConnectError } from '../../protocol/index.ts'

/**
 * The address that the browser comes back to, as it is sent to the vendor: the service's own callback, or a command line that
 * listens on this machine. Anything else could take the code elsewhere. Throws `oauth_redirect_invalid`.
 */
export function checkedRedirectUri(given: string, callbackUrl: string): string {
  if (given === callbackUrl) return given
  const url = URL.canParse(given) ? new URL(given) : undefined
  const isPlain =
    url?.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (url?.protocol === 'http:' && isLoopback(url.hostname) && isPlain) return url.href
  throw new ConnectError('oauth_redirect_invalid')
}
