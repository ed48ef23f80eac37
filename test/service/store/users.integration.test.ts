import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { attemptLimits, LoginLimits } from '../../../service/logins/login-limits.ts'
import { newId } from '../../../service/platform/database/ids.ts'
import type { NewUser } from '../../../service/users/contract.ts'
import { openTestStore } from './open-test-store.ts'

function user(email: string): NewUser {
  return { id: newId('usr'), email, role: 'viewer', passwordHash: `hash of ${email}` }
}

describe('users', () => {
  test('are found by id and e-mail, with the hash of their password', async () => {
    await using opened = await openTestStore()
    const { users } = opened.store
    const input = user('ada@example.com')
    const made = await users.create(input)
    expect(made).toMatchObject({ id: input.id, role: 'viewer', lastLoginAt: null })
    const known = { user: made, passwordHash: input.passwordHash, tokenVersion: 1 }
    expect(await users.find(input.id)).toEqual(known)
    expect(await users.findByEmail('ada@example.com')).toEqual(known)
    expect(await users.findByEmail('Ada@example.com')).toBeNull()
    expect(await users.find('usr_x\0')).toBeNull()
  })

  test('have an e-mail of their own, also when many add it at once', async () => {
    await using opened = await openTestStore()
    const { users } = opened.store
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, async () => users.create(user('ada@example.com'))),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'name_taken' })
  })

  test('a new password, and the end of logins, count the version of tokens up', async () => {
    await using opened = await openTestStore()
    const { users } = opened.store
    const { id } = await users.create(user('ada@example.com'))
    expect(await users.setPassword('ada@example.com', 'new')).toMatchObject({
      passwordHash: 'new',
      tokenVersion: 2,
    })
    await users.endLogins(id)
    await users.setRole('ada@example.com', 'admin')
    expect(await users.find(id)).toMatchObject({ user: { role: 'admin' }, tokenVersion: 3 })
  })

  test('a login is noted; a hash that was made anew is not put over a password that was changed meanwhile', async () => {
    await using opened = await openTestStore()
    const { users } = opened.store
    const { id } = await users.create(user('ada@example.com'))
    const known = await users.find(id)
    if (known === null) throw new TypeError('no user')
    await users.noteLogin(known)
    expect((await users.find(id))?.passwordHash).toBe(known.passwordHash)
    await users.noteLogin(known, 'the same, dearer')
    expect(await users.find(id)).toMatchObject({ passwordHash: 'the same, dearer' })
    await users.setPassword('ada@example.com', 'another')
    await users.noteLogin(known, 'the old one')
    const last = await users.find(id)
    expect(last?.passwordHash).toBe('another')
    expect(last?.user.lastLoginAt).not.toBeNull()
  })

  test('are removed, and what is asked of them then is not found', async () => {
    await using opened = await openTestStore()
    const { users } = opened.store
    const email = 'ada@example.com'
    await users.create(user(email))
    await users.delete(email)
    const notFound = { code: 'user_not_found', details: { email } }
    await expect(users.delete(email)).rejects.toMatchObject(notFound)
    await expect(users.setRole(email, 'admin')).rejects.toMatchObject(notFound)
    await expect(users.setPassword(email, 'x')).rejects.toMatchObject(notFound)
  })

  test('are listed by e-mail, page after page', async () => {
    await using opened = await openTestStore()
    const { users } = opened.store
    for (const name of ['c', 'a', 'b']) await users.create(user(`${name}@example.com`))
    const { items, next } = await users.list({ limit: 2 })
    const rest = await users.list({ limit: 2, cursor: next ?? '' })
    expect([...items, ...rest.items].map(({ email }) => email)).toEqual([
      ...['a@example.com', 'b@example.com', 'c@example.com'],
    ])
    expect(rest.next).toBeNull()
  })
})

describe('attempts to log in', () => {
  test('of an address that is over its limit keep nothing of the e-mails that it makes up', async () => {
    await using opened = await openTestStore()
    const limits = new LoginLimits(opened.store.loginAttempts)
    const secret = randomBytes(32)
    // One network: whoever has an IPv6 address has 2^64 of them.
    const attempt = (n: number): Promise<unknown> =>
      limits.begin({ email: `${n}@example.com`, address: `2001:db8::${n.toString(16)}` }, secret)
    const results: PromiseSettledResult<unknown>[] = []
    for (let n = 0; n < attemptLimits.address + 50; n += 1)
      results.push(...(await Promise.allSettled([attempt(n)])))
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(50)
    expect(refused[0]).toMatchObject({ reason: { code: 'login_throttled' } })
    const [kept] = await opened.database.query(
      'SELECT count(*)::int AS count FROM reactor_connect_service.login_attempts',
    )
    expect(kept).toEqual({ count: 1 + 2 * attemptLimits.address })
  })

  test('are counted one by one, whoever counts at the same time in whatever order', async () => {
    await using opened = await openTestStore()
    const { loginAttempts } = opened.store
    const counts = await Promise.all(
      Array.from({ length: 40 }, async (_, index) =>
        loginAttempts.count(index % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'b', 'a'], 60_000),
      ),
    )
    for (const subject of ['a', 'b', 'c']) {
      const attempts = counts.map(
        (rows) => rows.find((row) => row.subject === subject)?.attempts ?? 0,
      )
      expect(attempts.toSorted((x, y) => x - y)).toEqual(
        Array.from({ length: 40 }, (_, i) => i + 1),
      )
    }
  })

  test('begin anew when the window is over, are given back, and go with age', async () => {
    await using opened = await openTestStore()
    const { loginAttempts } = opened.store
    const count = async (): Promise<number | undefined> =>
      (await loginAttempts.count(['a'], 60_000))[0]?.attempts
    expect([await count(), await count()]).toEqual([1, 2])
    await loginAttempts.giveBack(['a', 'unknown'])
    expect(await count()).toBe(2)
    const [row] = await loginAttempts.count(['a'], 60_000)
    expect(row?.endsInMs).toBeGreaterThan(50_000)
    expect(row?.endsInMs).toBeLessThanOrEqual(60_000)
    const table = 'reactor_connect_service.login_attempts'
    const expire = `UPDATE ${table} SET window_ends_at = now() - interval '1 second'`
    await opened.database.query(expire)
    expect(await count()).toBe(1)
    await opened.database.query(expire)
    await opened.store.prune()
    expect(await opened.database.query(`SELECT * FROM ${table}`)).toEqual([])
  })
})
