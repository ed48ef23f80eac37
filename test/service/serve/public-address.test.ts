import { expect, test } from 'vitest'
import { publicAddress, reachableAddresses } from '../../../service/serve/public-address.ts'

const interfaces = [
  { address: '127.0.0.1', family: 'IPv4', internal: true },
  { address: '::1', family: 'IPv6', internal: true },
  { address: '10.0.0.5', family: 'IPv4', internal: false },
  { address: 'fe80::1', family: 'IPv6', internal: false },
  { address: '2001:db8::5', family: 'IPv6', internal: false },
] as const

test.each([
  ['127.0.0.1', []],
  ['127.0.0.2', []],
  ['::1', []],
  ['localhost', []],
  ['0.0.0.0', ['10.0.0.5']],
  ['::', ['10.0.0.5', '2001:db8::5']],
  ['10.0.0.5', ['10.0.0.5']],
  ['connect.example', ['connect.example']],
])('a server that is bound to %s is reached by other machines at %j', (host, addresses) => {
  expect(reachableAddresses(host, interfaces)).toEqual(addresses)
})

test('an address of IPv6 is written as URLs have it', async () => {
  const address = await publicAddress({ bind: { host: '2001:db8::5', port: 8007 } })
  expect(address).toMatchObject({
    localUrl: 'http://[2001:db8::5]:8007',
    otherUrls: ['http://[2001:db8::5]:8007'],
    callbackUrl: 'http://[2001:db8::5]:8007/connect/v1/oauth/callback',
  })
})
