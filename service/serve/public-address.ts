import type { Settings } from '../config/settings.ts'
import { freePort } from '../postgres/free-port.ts'

/** Where the service listens, and how it is reached. URLs have no slash at their end. */
export interface PublicAddress {
  readonly bind: { readonly host: string; readonly port: number }
  /** For this machine. */
  readonly localUrl: string
  /** Where browsers come back to after an authorization. */
  readonly callbackUrl: string
}

/** Port 0 becomes a free one here: the callback's address is needed before the service listens. */
export async function publicAddress(
  settings: Pick<Settings, 'publicUrl' | 'bind'>,
): Promise<PublicAddress> {
  const { host } = settings.bind
  const port = settings.bind.port === 0 ? await freePort() : settings.bind.port
  const isEverywhere = host === '0.0.0.0' || host === '::'
  const localHost = isEverywhere ? '127.0.0.1' : host
  const localUrl = `http://${localHost.includes(':') ? `[${localHost}]` : localHost}:${String(port)}`
  const callbackUrl = `${settings.publicUrl ?? localUrl}/connect/v1/oauth/callback`
  return { bind: { host, port }, localUrl, callbackUrl }
}
