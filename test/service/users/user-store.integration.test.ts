import { describe, expect, test } from 'vitest'
import { newId } from '../../../service/platform/database/ids.ts'
import type { NewUser } from '../../../service/users/contract.ts'
import { openTestStore } from '../../support/open-test-store.ts'

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
