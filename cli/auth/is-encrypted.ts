import { isLoopback } from '../../lib/net/loopback.ts'

/** Nobody on the way reads what is sent there: https, or this machine. */
export function isEncrypted(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}
