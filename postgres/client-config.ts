import type { ConnectionOptions } from 'node:tls'
import type { ClientConfig } from 'pg'
import type { PostgresAddress } from './address.ts'

/** For every session, of every server. */
export const everySession = { keepAlive: true, application_name: 'reactor-connect' } as const

/**
 * The options for pg. `ca`: PEM of the authority that signed the certificate of the server; default: those of
 * the system.
 */
export function clientConfig(address: PostgresAddress, ca?: string): ClientConfig {
  const { host, port, user, database, password = '' } = address
  return {
    ...everySession,
    host,
    port,
    user,
    database,
    // A function, so that pg never falls back to PGPASSWORD or .pgpass of this machine.
    password: () => password,
    ssl: tlsOptions(address, ca),
    // The system's own delay is two hours.
    keepAliveInitialDelayMillis: 30_000,
    connectionTimeoutMillis: 10_000,
  }
}

function tlsOptions({ ssl }: PostgresAddress, ca: string | undefined): false | ConnectionOptions {
  if (ssl === 'disable') return false
  if (ssl === 'verify-full') return { rejectUnauthorized: true, ...(ca !== undefined && { ca }) }
  if (ca === undefined) return { rejectUnauthorized: false }
  // Like libpq: `require` with an authority checks the chain, not the host name.
  return { rejectUnauthorized: true, ca, checkServerIdentity: () => undefined }
}
