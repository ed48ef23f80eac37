import { isLoopback } from '../lib/net/loopback.ts'

/**
 * How a session is encrypted, in libpq's words. `require` encrypts without checking the certificate; `verify-full` checks it, and
 * the host's name, against the system's authorities or those that are given. `prefer` and `allow` (maybe encrypted) are not there.
 */
export const sslModes = ['disable', 'require', 'verify-full'] as const
export type SslMode = (typeof sslModes)[number]

/** Where a PostgreSQL database is. */
export interface PostgresDatabase {
  /** A name or an address; a path is the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
}

/** The same, and as whom to connect. */
export interface PostgresAddress extends PostgresDatabase {
  readonly user: string
  readonly password?: string | undefined
  readonly ssl: SslMode
}

/** Encrypted unless the bytes stay on this machine: a forgotten option must not send a password in the clear. */
export function defaultSsl(host: string): SslMode {
  return isLoopback(host) || isSocketFolder(host) ? 'disable' : 'require'
}

/** As pg takes it. */
export function isSocketFolder(host: string): boolean {
  return host.startsWith('/')
}

/** As far as two addresses show it: a server may have other names. */
export function isSameDatabase(first: PostgresDatabase, second: PostgresDatabase): boolean {
  const isSameServer =
    canonicalHost(first.host) === canonicalHost(second.host) && first.port === second.port
  return isSameServer && first.database === second.database
}

function canonicalHost(host: string): string {
  return host === 'localhost' || host === '::1' ? '127.0.0.1' : host.toLowerCase()
}
