import type { ConnectionOptions } from 'node:tls'
import type { ClientConfig } from 'pg'
import type { PostgresConfig } from './config.ts'

/** How pg connects to the source. */
export function clientConfig(config: PostgresConfig): ClientConfig {
  const { host, port, user, database } = config
  return {
    host,
    port,
    user,
    database,
    // A function, so that pg never falls back to PGPASSWORD or .pgpass of this machine.
    password: () => config.password ?? '',
    ssl: tlsOf(config),
    keepAlive: true,
    // The system's own delay is two hours.
    keepAliveInitialDelayMillis: 30_000,
    connectionTimeoutMillis: 10_000,
    application_name: 'reactor-connect',
  }
}

function tlsOf({ ssl, ca }: PostgresConfig): false | ConnectionOptions {
  if (ssl === 'disable') return false
  if (ssl === 'verify-full') return { rejectUnauthorized: true, ...(ca !== undefined && { ca }) }
  if (ca === undefined) return { rejectUnauthorized: false }
  // As libpq: `require` with an authority checks the chain, not the host name.
  return { rejectUnauthorized: true, ca, checkServerIdentity: () => undefined }
}
