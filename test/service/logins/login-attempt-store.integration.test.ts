import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { attemptLimits, LoginLimits } from '../../../service/logins/login-limits.ts'
import { openTestStore } from '../../support/open-test-store.ts'

describe('attempts to log in', () => {
  test('of an address that is over its limit keep nothing of the e-mails that it makes up', async () => {
    await using opened = await openTestStore()
    const limits = new LoginLimits(opened.store.loginAttempts)
    const secret = randomBytes(32)
    // One network: the owner of an IPv6 address has 2^64 of them.
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
