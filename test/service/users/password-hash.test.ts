import type * as Crypto from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { cheapCost } from '../../support/test-identity.ts'

/** The work that was asked of scrypt, which does it all the same. */
const scrypts: object[] = []

vi.doMock('node:crypto', async (importOriginal) => {
  const crypto = await importOriginal<typeof Crypto>()
  const scrypt: typeof crypto.scrypt = (...call: unknown[]) => {
    const [, , bytes, cost] = call
    scrypts.push({ bytes, cost })
    Reflect.apply(crypto.scrypt, undefined, call)
  }
  return { ...crypto, scrypt }
})
// Another file of this process may have loaded it, with the scrypt of Node.
vi.resetModules()
const { PasswordHasher, standardCost } = await import('../../../service/users/password-hash.ts')
vi.doUnmock('node:crypto')

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
  const workOf = async (passwordHash: string | null): Promise<readonly unknown[]> => {
    scrypts.length = 0
    expect(await hasher.matches('wrong', passwordHash)).toBe(false)
    return [...scrypts]
  }
  const known = await workOf(hash)
  expect(known).toEqual([{ bytes: 32, cost: expect.objectContaining({ N: 2 ** 12 }) as unknown }])
  expect(await workOf(null)).toEqual(known)
})

test('no password is that of a user that does not exist', async () => {
  const hasher = new PasswordHasher(cheapCost)
  for (const password of ['', 'A', '\0'.repeat(32)])
    expect(await hasher.matches(password, null)).toBe(false)
})

test('many passwords at once wait for each other, and too many are refused for a while', async () => {
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
