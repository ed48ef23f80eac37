import { isLoopback } from '../../lib/net/loopback.ts'

/** Nobody on the network can read requests to it: https, or this machine. */
export function isEncrypted(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}
