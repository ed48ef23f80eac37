import { isIPv4 } from 'node:net'
import type { PostgresAddress } from '../../sinks/postgres/postgres-address.ts'

/**
 * The parts of `postgres://user:password@host:port/database?sslmode=…`, or what is wrong with it (never with the URL in the
 * words: it holds a password). Without `sslmode`: encrypted, except to this machine.
 */
export function parsePostgresUrl(url: string): PostgresAddress | string {
  const parsed = URL.parse(url)
  if (parsed === null) return 'is not a URL'
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) return 'does not begin with postgres://'
  const unknown = [...parsed.searchParams.keys()].find((name) => name !== 'sslmode')
  if (unknown !== undefined) return `has the parameter ${unknown}, which is not known`
  try {
    return addressOf(parsed)
  } catch (error) {
    if (error instanceof URIError) return 'holds a `%` that encodes nothing'
    throw error
  }
}

function addressOf(url: URL): PostgresAddress | string {
  const host = decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, '$1'))
  const user = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  const database = decodeURIComponent(url.pathname.slice(1))
  if (host === '' || user === '' || database === '') return 'lacks the host, user or database'
  const ssl = sslOf(url.searchParams.get('sslmode'), host)
  if (ssl === undefined) return 'has an sslmode that is not disable, require or verify-full'
  const port = url.port === '' ? 5432 : Number(url.port)
  return { host, port, user, database, ssl, ...(password !== '' && { password }) }
}

function sslOf(mode: string | null, host: string): PostgresAddress['ssl'] | undefined {
  if (mode === null) return isLoopback(host) ? 'disable' : 'require'
  return mode === 'disable' || mode === 'require' || mode === 'verify-full' ? mode : undefined
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
