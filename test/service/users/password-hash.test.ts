import { describe, expect, test } from 'vitest'
import { PasswordHasher, standardCost } from '../../../service/users/password-hash.ts'
import { cheapCost } from '../../support/test-identity.ts'

describe('the hash of a password', () => {
  test('names its parameters, holds no password, and is another one each time', async () => {
    const hasher = new PasswordHasher(cheapCost)
    const hashes = await Promise.all([hasher.hash('kit-password'), hasher.hash('kit-password')])
    for (const hash of hashes) {
      expect(hash).toMatch(/^scrypt\$16\$1\$1\$[\w-]{22}\$[\w-]{43}$/)
      expect(await hasher.matches('kit-password', hash)).toBe(true)
      expect(await hasher.matches('kit-passwor', hash)).toBe(false)
      expect(await hasher.matches('', hash)).toBe(false)
    }
    expect(hashes[0]).not.toBe(hashes[1])
  })

  test('of the time before the cost was raised still holds, and is known as outdated', async () => {
    const before = await new PasswordHasher(cheapCost).hash('kit-password')
    const hasher = new PasswordHasher({ ...cheapCost, n: 32 })
    expect(await hasher.matches('kit-password', before)).toBe(true)
    expect(hasher.isOutdated(before)).toBe(true)
    expect(hasher.isOutdated(await hasher.hash('kit-password'))).toBe(false)
  })

  test('is the same for letters that are written in another way', async () => {
    const hasher = new PasswordHasher(cheapCost)
    const hash = await hasher.hash('cafe\u0301')
    expect(await hasher.matches('caf\u00E9', hash)).toBe(true)
  })

  test('of the standard cost can be made', async () => {
    const hasher = new PasswordHasher()
    const hash = await hasher.hash('kit-password')
    expect(hash).toMatch(/^scrypt\$32768\$8\$3\$/)
    expect(await hasher.matches('kit-password', hash)).toBe(true)
  })
})

test('a user that does not exist takes as much work as one that does', async () => {
  const hasher = new PasswordHasher({ ...standardCost, n: 2 ** 12, p: 1 })
  const hash = await hasher.hash('kit-password')
  const spent = { known: 0, unknown: 0 }
  // Of the processor, in turns: other programs make the time on the clock longer.
  for (let count = 0; count < 12; count++) {
    const which = count % 2 === 0 ? 'known' : 'unknown'
    const before = process.cpuUsage()
    expect(await hasher.matches('wrong', which === 'known' ? hash : null)).toBe(false)
    const { user, system } = process.cpuUsage(before)
    spent[which] += user + system
  }
  expect(spent.unknown / spent.known).toBeGreaterThan(0.5)
  expect(spent.unknown / spent.known).toBeLessThan(2)
})

test('no password is that of a user that does not exist', async () => {
  const hasher = new PasswordHasher(cheapCost)
  for (const password of ['', 'A', '\0'.repeat(32)])
    expect(await hasher.matches(password, null)).toBe(false)
})

test('many at once wait for each other, and too many are told to come back', async () => {
  const hasher = new PasswordHasher(cheapCost)
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, async (_, index) => hasher.hash(`password ${index}`)),
  )
  const refused = results.filter((result) => result.status === 'rejected')
  expect(refused).toHaveLength(100 - 2 - 50)
  for (const { reason } of refused)
    expect(reason).toMatchObject({ code: 'login_throttled', details: { seconds: 10 } })
  expect(await hasher.matches('later', await hasher.hash('later'))).toBe(true)
})
