import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { fileNameOf } from '../../../../service/platform/vault/secrets-file.ts'
import { failingToOpen } from './failing-to-open.ts'
import { bytesAt, newKey, useVaultFolder } from './vault-folder.ts'

const place = useVaultFolder()
const fileOfBad = () => join(place.folder, fileNameOf('bad'))

/**
 * The credentials of `bad` were given again while its file could not be read, or was damaged. Resolves to the
 * file that was set aside.
 */
async function setAside(keys: { readonly key?: string } = {}): Promise<string> {
  const { folder } = place
  await place.withVault(
    (vault) => vault.put('bad', { '/t': 'anew' }, { ifVersion: 'unusable' }),
    keys,
  )
  const name = (await readdir(folder)).find((entry) => entry.includes('.replaced-'))
  return join(folder, name ?? '')
}

async function setAsideUnreadable(keys: { readonly key?: string } = {}): Promise<string> {
  return failingToOpen(fileOfBad(), 'EACCES', () => setAside(keys))
}

async function keysInFolder(): Promise<readonly string[]> {
  const text = await readFile(join(place.folder, 'vault.json'), 'utf8')
  return Object.keys((JSON.parse(text) as { keys: object }).keys)
}

describe('a file that was set aside', () => {
  beforeEach(() =>
    place.withVault(async (vault) => {
      for (const path of ['good', 'bad']) await vault.put(path, { '/t': path })
    }),
  )

  async function expectPutBack(aside: string): Promise<void> {
    await rename(aside, fileOfBad())
    await place.withVault(async (vault) => {
      expect(vault.unusableAtStart).toEqual([])
      expect(await vault.get('good')).toMatchObject({ secrets: { '/t': 'good' } })
      expect(await vault.get('bad')).toEqual({ secrets: { '/t': 'bad' }, version: 1 })
    })
  }

  it('gets the new key too, if it can be read by then', async () => {
    const aside = await setAsideUnreadable()
    const rotated = await place.withVault((vault) => vault.rotateKey())
    expect(rotated).toMatchObject({ secrets: 2, damaged: [], setAside: [], kept: [] })
    expect(await keysInFolder()).toEqual([rotated.key])
    await expectPutBack(aside)
  })

  it('keeps the key that it may need, as long as it cannot be read', async () => {
    const [before = ''] = await keysInFolder()
    const aside = await setAsideUnreadable()
    const rotated = await failingToOpen(aside, 'EACCES', () =>
      place.withVault((vault) => vault.rotateKey()),
    )
    expect(rotated).toMatchObject({ secrets: 2, damaged: [], kept: [before] })
    expect(rotated.setAside).toMatchObject([
      {
        name: aside.slice(place.folder.length + 1),
        status: 'unreadable',
        reason: expect.stringContaining('EACCES') as string,
      },
    ])
    await place.withVault((vault) => expect(vault.check()).resolves.toEqual({ unusable: 0 }))
    await expectPutBack(aside)
    expect(await keysInFolder()).toEqual([rotated.key])
  })

  it('keeps the key with which it was damaged, for somebody who mends it', async () => {
    const [before = ''] = await keysInFolder()
    for (const position of Object.values(bytesAt)) {
      await place.withVault((vault) => vault.delete('bad'))
      await place.withVault((vault) => vault.put('bad', { '/t': 'bad' }))
      const [used = ''] = await keysInFolder()
      await place.damage('bad', position)
      const aside = await setAside()
      for (let round = 1; round <= 2; round += 1) {
        const rotated = await place.withVault((vault) => vault.rotateKey())
        expect(rotated).toMatchObject({
          kept: [used],
          setAside: [{ name: aside.slice(place.folder.length + 1), status: 'damaged' }],
        })
      }
      await place.damage(aside, position)
      await expectPutBack(aside)
    }
    expect(await keysInFolder()).not.toContain(before)
  })

  it('keeps no key once it is deleted, or if it is too damaged to have one', async () => {
    const aside = await setAsideUnreadable()
    await rm(aside)
    await mkdir(aside, { mode: 0o700 })
    expect((await place.withVault((vault) => vault.rotateKey())).kept).toHaveLength(1)
    await rmdir(aside)
    await writeFile(aside, 'too short', { mode: 0o600 })
    expect(await place.withVault((vault) => vault.rotateKey())).toMatchObject({
      kept: [],
      setAside: [],
    })
  })

  it('needs the previous key of the settings, which the start names', async () => {
    const [first, second] = [newKey(), newKey()]
    await place.withVault((vault) => vault.check(), { key: first })
    const aside = await setAsideUnreadable({ key: first })
    const keys = { key: second, previousKey: first }
    await failingToOpen(aside, 'EACCES', () =>
      place.withVault((vault) => {
        expect(vault.setAsideAtStart).toMatchObject([{ status: 'unreadable' }])
        return Promise.resolve()
      }, keys),
    )
    await place.withVault((vault) => {
      expect(vault.setAsideAtStart).toEqual([])
      return Promise.resolve()
    }, keys)
    await rename(aside, fileOfBad())
    await place.withVault(
      (vault) => expect(vault.get('bad')).resolves.toMatchObject({ secrets: { '/t': 'bad' } }),
      { key: second },
    )
  })
})
