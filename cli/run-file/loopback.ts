import { isIP } from 'node:net'

/** Whether the bytes stay on this machine: there the default is a connection without TLS. */
export function isLoopbackHost(host: string): boolean {
  return (
    host === 'localhost' ||
    host === '::1' ||
    host.startsWith('/') ||
    (isIP(host) === 4 && host.startsWith('127.'))
  )
}
