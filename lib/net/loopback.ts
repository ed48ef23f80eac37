import { isIPv4 } from 'node:net'

/**
 * Whether a host, bare or as `new URL` writes it (`[::1]`), is this machine: bytes sent there do not cross a
 * network.
 */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1' || host === '[::1]') return true
  return isIPv4(host) && host.startsWith('127.')
}
