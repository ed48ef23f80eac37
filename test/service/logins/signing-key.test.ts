import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { SigningKey } from '../../../service/logins/signing-key.ts'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import { newFolder } from '../../support/new-folder.ts'

let folder: string
beforeEach(async () => {
  folder = join(await newFolder('signing'), 'vault')
})

test('the key is made once, whichever of several processes is first, and stays', async () => {
  await using first = await openFileVault({ folder })
  await using other = await openFileVault({ folder })
  const keys = [first, other, first, other].map((vault) => new SigningKey(vault))
  const pairs = await Promise.all(keys.map((key) => key.pair()))
  const again = await new SigningKey(first).pair()
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
