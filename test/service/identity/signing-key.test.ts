import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pino } from 'pino'
import { SigningKey } from '../../../service/logins/signing-key.ts'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import { loginFrom, memoryIdentity } from '../../support/memory-identity.ts'

let folder: string
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'reactor-signing-')), 'vault')
})
afterEach(async () => {
  await rm(join(folder, '..'), { recursive: true })
})

test('the key is made once, whichever of several processes is first, and stays', async () => {
  await using one = await openFileVault({ folder })
  await using other = await openFileVault({ folder })
  const keys = [one, other, one, other].map((vault) => new SigningKey(vault))
  const pairs = await Promise.all(keys.map((key) => key.pair()))
  const again = await new SigningKey(one).pair()
  for (const pair of pairs) {
    expect(pair.publicJwk).toEqual(again.publicJwk)
    expect(pair.secretFor('one')).toEqual(again.secretFor('one'))
  }
  expect(again.secretFor('one')).not.toEqual(again.secretFor('another'))
})

test('the private half is nowhere in clear', async () => {
  await using vault = await openFileVault({ folder })
  const { privateKey, publicJwk } = await new SigningKey(vault).pair()
  const { d = '' } = privateKey.export({ format: 'jwk' })
  expect(d).toHaveLength(43)
  expect(JSON.stringify(publicJwk)).not.toContain(d)
  const base64 = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
  for (const name of await readdir(folder)) {
    const bytes = await readFile(join(folder, name))
    expect(bytes.includes(base64)).toBe(false)
    expect(bytes.includes(Buffer.from(d, 'base64url'))).toBe(false)
  }
})

test('without its vault nobody logs in or is let in, who asks learns nothing of it, and it is tried again', async () => {
  let logged = ''
  const logger = pino({ level: 'info' }, { write: (line: string) => void (logged += line) })
  await using vault = await openFileVault({ folder })
  const { users, logins } = memoryIdentity({ logger, vault })
  await users.create({ email: 'ada@example.com', role: 'viewer', password: 'kit-horse battery' })
  const login = { email: 'ada@example.com', password: 'kit-horse battery' }
  await rm(folder, { recursive: true })
  const unreachable = { code: 'identity_unreachable', details: {} }
  await expect(logins.login(login, loginFrom())).rejects.toMatchObject(unreachable)
  await expect(logins.authenticate('eyJhbGciOiJFZERTQSJ9.e30.AA')).rejects.toMatchObject(
    unreachable,
  )
  await expect(logins.keySet()).rejects.toMatchObject(unreachable)
  expect(logged).toContain('vault_unreachable')
})
