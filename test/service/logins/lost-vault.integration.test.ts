import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import { loginFrom, testIdentity } from '../../support/test-identity.ts'
import { openTestStore } from '../../support/open-test-store.ts'
import { newFolder } from '../../support/new-folder.ts'

test('without its vault nobody logs in or is let in, who asks learns nothing of it, and it is tried again', async () => {
  let logged = ''
  const logger = pino({ level: 'info' }, { write: (line: string) => void (logged += line) })
  const folder = join(await newFolder('lost-vault'), 'vault')
  await using vault = await openFileVault({ folder })
  await using test = await openTestStore()
  const { users, logins } = testIdentity({ store: test.store, logger, vault })
  await users.create({ email: 'ada@example.com', role: 'viewer', password: 'kit-horse battery' })
  const login = { email: 'ada@example.com', password: 'kit-horse battery' }
  await rm(join(folder, '..'), { recursive: true })
  const unreachable = { code: 'identity_unreachable', details: {} }
  await expect(logins.login(login, loginFrom())).rejects.toMatchObject(unreachable)
  await expect(logins.authenticate('eyJhbGciOiJFZERTQSJ9.e30.AA')).rejects.toMatchObject(
    unreachable,
  )
  await expect(logins.keySet()).rejects.toMatchObject(unreachable)
  expect(logged).toContain('vault_unreachable')
})
