import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { TransportError } from './transport-error.ts'

/**
 * Networks that a manifest must not reach by default: this machine, its neighbours, and addresses that are
 * not public.
 */
const CLOSED_IPV4 = `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
  192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4`
/**
 * ::ffff:0:0:0/96 are IPv4 addresses that some hosts translate (RFC 2765). For 64:ff9b::/96 (NAT64) the
 * embedded address decides, because networks without IPv4 reach everything through it.
 */
const CLOSED_IPV6 = `::/96 ::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20
  5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8`

/** Made for the first address: it takes longer than the rest of a source's start. */
let closed: BlockLists | undefined

/**
 * Refuses requests to addresses inside the operator's network (server-side request forgery). It is asked
 * about the address that a connection is made to, so a name that resolves to something else the next time
 * does not help.
 */
export class AddressGuard {
  readonly #opened: BlockLists

  /** @param allowedNetworks networks like `10.1.0.0/16` or `::1/128` that are reachable all the same. */
  constructor(allowedNetworks: readonly string[] = []) {
    this.#opened = blockLists(allowedNetworks)
  }

  allows(address: string): boolean {
    const [plain = ''] = address.replaceAll(/^\[|\]$/g, '').split('%')
    const family = isIP(plain)
    if (family === 0) return false
    const type = family === 4 ? 'ipv4' : 'ipv6'
    if (this.#opened[type].check(plain, type)) return true
    closed ??= blockLists([...CLOSED_IPV4.split(/\s+/), ...CLOSED_IPV6.split(/\s+/)])
    if (closed[type].check(plain, type)) return false
    const embedded = embeddedIpv4(plain)
    return embedded === undefined || this.allows(embedded)
  }

  /** For `net.connect`: the allowed addresses of a name; an error if there is none. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, [])
        return
      }
      const allowed = addresses.filter(({ address }) => this.allows(address))
      const [first] = allowed
      if (first === undefined) callback(refused(hostname), [])
      else if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }

  /** A literal address is connected to without a lookup. `hostname` is spelled as `URL` spells it. */
  check(hostname: string): void {
    const literal = hostname.replaceAll(/^\[|\]$/g, '')
    if (isIP(literal) !== 0 && !this.allows(literal)) throw refused(hostname)
  }
}

function refused(hostname: string): TransportError {
  return new TransportError(
    'refused-address',
    `${hostname} is an address inside of a private or reserved network. If it may be reached, open the network with the setting REACTOR_CONNECT_ALLOWED_NETWORKS.`,
  )
}

/** One per family: a single list takes 1.2.3.4 for ::ffff:1.2.3.4, and the reverse. */
interface BlockLists {
  readonly ipv4: BlockList
  readonly ipv6: BlockList
}

function blockLists(networks: readonly string[]): BlockLists {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/')
    const family = isIP(address)
    const prefix = Number(bits)
    if (family === 0 || bits === '' || !Number.isInteger(prefix))
      throw new TypeError(`"${network}" is not a network. Write it like 10.0.0.0/8.`)
    const type = family === 4 ? 'ipv4' : 'ipv6'
    lists[type].addSubnet(address, prefix, type)
  }
  return lists
}

/** The IPv4 address in the last 32 bits of an address in 64:ff9b::/96. */
function embeddedIpv4(address: string): string | undefined {
  const canonical = isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : ''
  const match = /^\[64:ff9b::(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})\]$/.exec(canonical)
  if (match === null) return undefined
  const high = Number.parseInt(match[1] ?? '0', 16)
  const low = Number.parseInt(match[2] ?? '0', 16)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
