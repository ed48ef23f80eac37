import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { isLoopback } from '../../lib/net/loopback.ts'
import type { Settings } from '../platform/config/settings.ts'
import { freePort } from '../platform/postgres/free-port.ts'

/** Where the service listens, and its public URL. URLs have no slash at their end. */
export interface PublicAddress {
  readonly bind: { readonly host: string; readonly port: number }
  /** For this machine. */
  readonly localUrl: string
  /** Addresses at which other machines reach it. */
  readonly otherUrls: readonly string[]
  /** The address that browsers return to after an authorization. */
  readonly callbackUrl: string
}

/** Port 0 becomes a free one here: the callback's address is needed before the service listens. */
export async function publicAddress(
  settings: Pick<Settings, 'publicUrl' | 'bind'>,
): Promise<PublicAddress> {
  const { host } = settings.bind
  const port = settings.bind.port === 0 ? await freePort() : settings.bind.port
  const localUrl = urlOf(isEverywhere(host) ? '127.0.0.1' : host, port)
  const others = reachableAddresses(host, Object.values(networkInterfaces()).flat())
  const callbackUrl = `${settings.publicUrl ?? localUrl}/connect/v1/oauth/callback`
  const otherUrls = others.map((address) => urlOf(address, port))
  return { bind: { host, port }, localUrl, otherUrls, callbackUrl }
}

/** The addresses at which others than this machine reach a server that is bound to `host`. */
export function reachableAddresses(
  host: string,
  interfaces: readonly (
    Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal'> | undefined
  )[],
): readonly string[] {
  if (!isEverywhere(host)) return isLoopback(host) ? [] : [host]
  return interfaces.flatMap((entry) => {
    if (entry === undefined || entry.internal) return []
    // A link-local address needs the name of the link, which differs between machines.
    if (/^fe80:/i.test(entry.address)) return []
    return host === '::' || entry.family === 'IPv4' ? [entry.address] : []
  })
}

function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`
}
