import { isIPv6 } from 'node:net'

/**
 * Bits of an IPv6 address that its holder does not choose: the holder of one address has all 2^64 of its
 * network.
 */
const networkGroups = 4

/**
 * The key under which the attempts of a client are counted: an IPv4 address as it is, also one that is
 * written as IPv6 (`::ffff:192.0.2.1`); for an IPv6 address its network, as `2001:db8:0:1::/64`. Other text
 * does not change.
 */
export function clientNetwork(address: string): string {
  const [plain = ''] = address.split('%')
  if (!isIPv6(plain)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::')
  const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const after = groupsOf(tail ?? '')
  const before = groupsOf(head)
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
  return `${groups.slice(0, networkGroups).join(':')}::/64`
}
