import { lookup as dnsLookup } from 'node:dns'
import { describe, expect, it } from 'vitest'
import { AddressGuard } from '../../../manifest-interpreter/http/address-guard.ts'

describe('the guard of addresses', () => {
  const guard = new AddressGuard()

  it.each([
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:0:127.0.0.1',
    'fe80::1%eth0',
    'fd12::1',
    'ff02::1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::a00:1',
    '2002:7f00:1::',
    '[::1]',
    'no address',
  ])('refuses %s', (address) => {
    expect(guard.allows(address)).toBe(false)
  })

  it.each(['1.2.3.4', '8.8.8.8', '172.32.0.1', '2606:4700::1111', '64:ff9b::808:808'])(
    'allows %s',
    (address) => {
      expect(guard.allows(address)).toBe(true)
    },
  )

  it('allows the networks that the operator opens, and only these', () => {
    const opened = new AddressGuard(['127.0.0.0/8', 'fd00::/8'])
    expect(opened.allows('127.0.0.1')).toBe(true)
    expect(opened.allows('fd12::1')).toBe(true)
    expect(opened.allows('::1')).toBe(false)
    expect(opened.allows('10.0.0.1')).toBe(false)
  })

  it('refuses a network that is none when it is made', () => {
    expect(() => new AddressGuard(['localhost'])).toThrow(/10\.0\.0\.0\/8/)
  })

  it('refuses a name that resolves to a closed address', async () => {
    const hasIpv4 = await new Promise<boolean>((resolve) => {
      dnsLookup('localhost', (error) => {
        resolve(error === null)
      })
    })
    expect(hasIpv4).toBe(true)
    const error = await new Promise((resolve) => {
      guard.lookup('localhost', { all: true }, resolve)
    })
    expect(error).toMatchObject({ name: 'TransportError', kind: 'refused-address' })
  })

  it('names the address and the setting that opens its network', () => {
    const words =
      /is an address inside of a private .*the setting REACTOR_CONNECT_ALLOWED_NETWORKS\.$/
    for (const host of ['10.1.2.3', '[::1]'])
      expect(() => {
        guard.check(host)
      }, host).toThrow(words)
    expect(() => {
      guard.check('10.1.2.3')
    }).toThrow(/^10\.1\.2\.3 /)
    expect(() => {
      guard.check('8.8.8.8')
    }).not.toThrow()
  })
})
