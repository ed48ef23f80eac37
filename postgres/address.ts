import { isLoopback } from '../lib/net/loopback.ts'

/**
 * How a session is encrypted, in libpq's words. `require` encrypts without checking the certificate; `verify-full` checks it, and
 * the host's name, against the system's authorities or those that are given. `prefer` and `allow` (maybe encrypted) are not there.
 */
export const sslModes = ['disable', 'require', 'verify-full'] as const
export type SslMode = (typeof sslModes)[number]

/** Where a PostgreSQL database is, and as whom to connect. */
export interface PostgresAddress {
  /** A name or an address; a path is the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password?: string | undefined
  readonly database: string
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
