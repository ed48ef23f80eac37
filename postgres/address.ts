import { isLoopback } from '../lib/net/loopback.ts'

/**
 * How a session is encrypted, in libpq's words. `require` encrypts without checking the certificate;
 * `verify-full` checks it, and the host's name, against the system's authorities or those that are given.
 * `prefer` and `allow` (maybe encrypted) are not there.
 */
export const sslModes = ['disable', 'require', 'verify-full'] as const
export type SslMode = (typeof sslModes)[number]

/** The location of a PostgreSQL database. */
export interface PostgresDatabase {
  /** A name or an address; a path is the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
}

/** The same with the login. */
export interface PostgresAddress extends PostgresDatabase {
  readonly user: string
  readonly password?: string | undefined
  readonly ssl: SslMode
}

/**
 * Encrypted unless the bytes stay on this machine, so that a forgotten option does not send a password in the
 * clear.
 */
export function defaultSsl(host: string): SslMode {
  return isLoopback(host) || isSocketFolder(host) ? 'disable' : 'require'
}

/** The same rule as in pg. */
export function isSocketFolder(host: string): boolean {
  return host.startsWith('/')
}

/** False of a URL, and of the end of one, `user:password@host`: an error would repeat it. */
export function isHost(text: string): boolean {
  return isSocketFolder(text) || !/@|:\/\//.test(text)
}

/** The rule that an invalid host breaks. */
export const hostRule =
  'must be the host name or address of the server alone, without user, password or `://`'

/** As far as the addresses show: a server may have other names. */
export function isSameDatabase(first: PostgresDatabase, second: PostgresDatabase): boolean {
  const isSameServer =
    canonicalHost(first.host) === canonicalHost(second.host) && first.port === second.port
  return isSameServer && first.database === second.database
}

function canonicalHost(host: string): string {
  return host === 'localhost' || host === '::1' ? '127.0.0.1' : host.toLowerCase()
}
