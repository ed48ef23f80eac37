import { execFileSync } from 'node:child_process'
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { findUnusableFiles, openFileVault } from '../../../../service/platform/vault/file-vault.ts'
import { fileNameOf } from '../../../../service/platform/vault/secrets-file.ts'
import { newFolder } from '../../../support/new-folder.ts'
import { failingToOpen } from './failing-to-open.ts'
import { bytesAt, newKey, useVaultFolder } from './vault-folder.ts'

const place = useVaultFolder()

const corrupt = { code: 'vault_corrupt' }

describe('a damaged file', () => {
  const files = { good: { '/t': 'good' }, bad: { '/t': 'bad' } }
  beforeEach(() =>
    place.withVault(async (vault) => {
      for (const [path, secrets] of Object.entries(files)) await vault.put(path, secrets)
    }),
  )

  async function expectOnlyBadDamaged(keys: { key?: string; previousKey?: string } = {}) {
    await place.withVault(async (vault) => {
      const status = 'damaged'
      expect(vault.unusableAtStart).toMatchObject([{ name: fileNameOf('bad'), status }])
      expect(await vault.check()).toEqual({ unusable: 1 })
      expect(await vault.get('good')).toEqual({ secrets: files.good, version: 1 })
      await expect(vault.get('bad')).rejects.toMatchObject(corrupt)
    }, keys)
  }

  it.each(Object.entries(bytesAt))('is the only one that cannot be read: %s', async (_, index) => {
    await place.damage('bad', index)
    await expectOnlyBadDamaged()
    await place.withVault((vault) => vault.put('bad', { '/t': 'anew' }))
    await place.withVault(async (vault) => {
      expect(vault.unusableAtStart).toEqual([])
      expect(await vault.get('bad')).toMatchObject({ secrets: { '/t': 'anew' } })
    })
  })

  it.each(Object.entries(bytesAt))(
    'is named by a rotation, and not counted: %s',
    async (_, index) => {
      await place.damage('bad', index)
      const damaged = [{ name: fileNameOf('bad') }]
      for (let round = 1; round <= 2; round += 1) {
        const rotated = await place.withVault((vault) => vault.rotateKey())
        expect(rotated).toMatchObject({ secrets: 1, damaged, kept: [] })
        await expectOnlyBadDamaged()
      }
    },
  )

  it.each(Object.entries(bytesAt))('does not stop a change of the key: %s', async (_, index) => {
    const [first, second] = [newKey(), newKey()]
    await place.withVault((vault) => vault.check(), { key: first })
    await place.damage('bad', index)
    await expectOnlyBadDamaged({ key: second, previousKey: first })
    await expectOnlyBadDamaged({ key: second })
  })

  it('that is put back from a backup under a key of before stops nothing either', async () => {
    const backup = await readFile(join(place.folder, fileNameOf('bad')))
    await place.damage('bad', bytesAt.body)
    await place.withVault((vault) => vault.rotateKey())
    await writeFile(join(place.folder, fileNameOf('bad')), backup)
    await expectOnlyBadDamaged()
  })

  it('under a key that was never here stops nothing, if the others open', async () => {
    const other = await newFolder('vault')
    {
      await using vault = await openFileVault({ folder: join(other, 'vault') })
      await vault.put('bad', { '/t': 'of another vault' })
    }
    await cp(join(other, 'vault', fileNameOf('bad')), join(place.folder, fileNameOf('bad')))
    for (let round = 1; round <= 2; round += 1) {
      await expectOnlyBadDamaged()
      const rotated = await place.withVault((vault) => vault.rotateKey())
      expect(rotated).toMatchObject({ secrets: 1, damaged: [{ name: fileNameOf('bad') }] })
    }
    const [found] = await findUnusableFiles({ folder: place.folder })
    expect(found?.reason).toMatch(/its key \(id \w+\) is not here/)
  })

  it('does not hide that more files are under a key that is not here than under one that is', async () => {
    await place.withVault((vault) => vault.put('third', { '/t': 'third' }))
    const names = ['good', 'third'].map((path) => join(place.folder, fileNameOf(path)))
    const backup = await Promise.all(names.map((name) => readFile(name)))
    await place.withVault((vault) => vault.rotateKey())
    for (const [index, name] of names.entries()) await writeFile(name, backup[index] ?? '')
    await expect(openFileVault({ folder: place.folder })).rejects.toMatchObject({
      code: 'vault_key_wrong',
      message: expect.stringContaining('the key of 2 of 3 files') as unknown,
    })
  })

  it('does not hide that the others are under another key', async () => {
    await place.damage('bad', bytesAt.body)
    const old = await readFile(join(place.folder, 'vault.json'))
    await place.withVault((vault) => vault.rotateKey())
    await writeFile(join(place.folder, 'vault.json'), old)
    await expect(openFileVault({ folder: place.folder })).rejects.toMatchObject({
      code: 'vault_key_wrong',
      message: expect.stringContaining(`1 of 2 files (${fileNameOf('good')}`) as unknown,
    })
  })

  it('does not hide that a change of the key was cut off, and needs the key of before', async () => {
    const [first, second] = [newKey(), newKey()]
    await place.withVault((vault) => vault.check(), { key: first })
    await place.damage('bad', bytesAt.body)
    const before = await readFile(join(place.folder, fileNameOf('good')))
    await place.withVault((vault) => vault.check(), { key: second, previousKey: first })
    await writeFile(join(place.folder, fileNameOf('good')), before)
    await expect(openFileVault({ folder: place.folder, key: second })).rejects.toMatchObject({
      code: 'vault_key_wrong',
    })
    await expectOnlyBadDamaged({ key: second, previousKey: first })
  })
})

describe('a change of the key that was cut off', () => {
  it('needs the key of before, however few files are under it', async () => {
    const [first, second] = [newKey(), newKey()]
    const paths = Array.from({ length: 9 }, (_, n) => `path/${n}`)
    await place.withVault(
      async (vault) => {
        for (const path of paths) await vault.put(path, { '/t': path })
      },
      { key: first },
    )
    const last = join(place.folder, (await place.secretsFiles()).at(-1) ?? '')
    // The last one cannot be written, as on a full disk.
    await failingToOpen(`${last}.new`, 'ENOSPC', async () => {
      const opening = openFileVault({ folder: place.folder, key: second, previousKey: first })
      await expect(opening).rejects.toMatchObject({ code: 'vault_unreachable' })
    })
    await expect(openFileVault({ folder: place.folder, key: second })).rejects.toMatchObject({
      code: 'vault_key_wrong',
      message: expect.stringContaining('1 of 9 files') as unknown,
      suggestedFix: expect.stringContaining('REACTOR_CONNECT_VAULT_PREVIOUS_KEY') as unknown,
    })
    const ended = { key: second, previousKey: first }
    await place.withVault((vault) => vault.check(), ended)
    await place.withVault(
      async (vault) => {
        expect(vault.unusableAtStart).toEqual([])
        for (const path of paths) expect(await vault.get(path)).toMatchObject({ version: 1 })
      },
      { key: second },
    )
  })
})

describe('a file that is damaged while the vault is open', () => {
  it('is counted from its first use on, until it is mended or replaced', async () => {
    await using vault = await openFileVault({ folder: place.folder })
    for (const path of ['a', 'b']) await vault.put(path, { '/t': path })
    const good = await readFile(join(place.folder, fileNameOf('a')))
    for (const path of ['a', 'b']) await place.damage(path, bytesAt.body)
    for (const path of ['a', 'b']) await expect(vault.get(path)).rejects.toMatchObject(corrupt)
    expect(await vault.check()).toEqual({ unusable: 2 })
    await writeFile(join(place.folder, fileNameOf('a')), good)
    expect(await vault.check()).toEqual({ unusable: 1 })
    await vault.put('b', { '/t': 'anew' }, { ifVersion: 'unusable' })
    expect(await vault.check()).toEqual({ unusable: 0 })
    expect(await vault.get('b')).toMatchObject({ secrets: { '/t': 'anew' } })
  })

  it('is counted if another process found it', async () => {
    await using vault = await openFileVault({ folder: place.folder })
    await vault.put('a', { '/t': 'x' })
    await place.damage('a', bytesAt.body)
    await place.withVault((other) => other.rotateKey())
    expect(await vault.check()).toEqual({ unusable: 1 })
  })

  it('stays beside the one that replaces it, until that is deleted', async () => {
    await using vault = await openFileVault({ folder: place.folder })
    await vault.put('a', { '/t': 'x' })
    await vault.put('b', { '/t': 'x' })
    await place.damage('a', bytesAt.keyId)
    const before = await readFile(join(place.folder, fileNameOf('a')))
    await expect(vault.put('a', { '/t': 'y' }, { ifVersion: 1 })).rejects.toMatchObject(corrupt)
    expect(await vault.put('a', { '/t': 'y' }, { ifVersion: 'unusable' })).toBe(2)
    const aside = (await readdir(place.folder)).filter((name) => name.includes('.replaced-'))
    expect(aside).toHaveLength(1)
    expect(await readFile(join(place.folder, aside[0] ?? ''))).toEqual(before)
    // It is none of the vault's files any more.
    expect(await vault.rotateKey()).toMatchObject({ secrets: 2, damaged: [] })
    await place.withVault((other) => expect(other.get('a')).resolves.toMatchObject({ version: 2 }))
    await vault.delete('a')
    expect(await place.secretsFiles()).toEqual([fileNameOf('b')])
    expect((await readdir(place.folder)).some((name) => name.includes('.replaced-'))).toBe(false)
  })
})

const failingToRead = <Result>(path: string, code: string, work: () => Promise<Result>) =>
  failingToOpen(join(place.folder, fileNameOf(path)), code, work)

describe('a file that cannot be read', () => {
  beforeEach(() =>
    place.withVault(async (vault) => {
      for (const path of ['good', 'bad']) await vault.put(path, { '/t': path })
    }),
  )
  const bad = () => ({ name: fileNameOf('bad'), status: 'unreadable' })
  const readsBad = (keys: { key?: string; previousKey?: string } = {}) =>
    place.withVault(
      (vault) =>
        expect(vault.get('bad')).resolves.toEqual({ secrets: { '/t': 'bad' }, version: 1 }),
      keys,
    )
  const keysInFolder = async () => {
    const text = await readFile(join(place.folder, 'vault.json'), 'utf8')
    return Object.keys((JSON.parse(text) as { keys: object }).keys).length
  }

  it.each(['EACCES', 'EIO', 'EISDIR'])('is the only one that is missing: %s', async (code) => {
    await failingToRead('bad', code, () =>
      place.withVault(async (vault) => {
        const reason = expect.stringContaining(`(${code})`) as string
        expect(vault.unusableAtStart).toEqual([{ ...bad(), reason }])
        expect(await vault.get('good')).toMatchObject({ version: 1 })
        const refused = {
          code: 'vault_file_unreadable',
          retryable: true,
          details: { file: join(place.folder, fileNameOf('bad')), reason },
        }
        await expect(vault.get('bad')).rejects.toMatchObject(refused)
        await expect(vault.put('bad', {}, { ifVersion: 1 })).rejects.toMatchObject(refused)
        expect(await vault.check()).toEqual({ unusable: 1 })
      }),
    )
  })

  it('may be a folder, which credentials can replace and a deletion removes', async () => {
    const file = join(place.folder, fileNameOf('bad'))
    await rm(file)
    await mkdir(file, { mode: 0o700 })
    await place.withVault(async (vault) => {
      expect(vault.unusableAtStart).toMatchObject([bad()])
      expect(await vault.rotateKey()).toMatchObject({ secrets: 1, damaged: [bad()] })
      await vault.put('bad', { '/t': 'anew' }, { ifVersion: 'unusable' })
      expect(await vault.get('bad')).toMatchObject({ secrets: { '/t': 'anew' } })
      await vault.delete('bad')
    })
    await mkdir(file, { mode: 0o700 })
    await place.withVault(async (vault) => {
      await vault.delete('bad')
      expect(await vault.get('bad')).toBeNull()
    })
  })

  it.each([
    ['a FIFO', 'ENXIO', (file: string) => void execFileSync('mkfifo', ['-m', '600', file])],
    ['a symbolic link', 'ELOOP', (file: string) => symlink('/etc/hostname', file)],
  ])('may be %s, which nobody waits for and nobody follows', async (_, code, make) => {
    const file = join(place.folder, fileNameOf('bad'))
    const reason = expect.stringContaining(`(${code})`) as string
    const refused = { code: 'vault_file_unreadable', details: { file, reason } }
    await place.withVault(async (vault) => {
      await rm(file)
      await make(file)
      await expect(vault.get('bad')).rejects.toMatchObject(refused)
      await expect(vault.put('bad', {}, { ifVersion: 1 })).rejects.toMatchObject(refused)
      expect(await vault.check()).toEqual({ unusable: 1 })
      expect(await vault.put('good', { '/t': 'good' })).toBe(2)
    })
    await place.withVault(async (vault) => {
      expect(vault.unusableAtStart).toEqual([{ ...bad(), reason }])
      expect(await vault.get('good')).toMatchObject({ version: 2 })
      expect(await findUnusableFiles({ folder: place.folder })).toEqual([{ ...bad(), reason }])
      await vault.put('bad', { '/t': 'anew' }, { ifVersion: 'unusable' })
      expect(await vault.get('bad')).toMatchObject({ secrets: { '/t': 'anew' } })
    })
  })

  it.each([
    ['a FIFO', (file: string) => void execFileSync('mkfifo', ['-m', '600', file])],
    ['a symbolic link', (file: string) => symlink('/etc/hostname', file)],
  ])('is not waited for if %s is in place of its draft', async (_, make) => {
    await using vault = await openFileVault({ folder: place.folder })
    await make(join(place.folder, `${fileNameOf('bad')}.new`))
    await expect(vault.put('bad', { '/t': 'anew' })).rejects.toMatchObject({
      code: 'vault_unreachable',
    })
    expect(await vault.put('good', { '/t': 'good' })).toBe(2)
    expect(await vault.get('bad')).toMatchObject({ secrets: { '/t': 'bad' } })
  })

  it('is no reason to wait for the lock of the folder', async () => {
    const file = join(place.folder, 'lock')
    await rm(file)
    execFileSync('mkfifo', ['-m', '600', file])
    await expect(openFileVault({ folder: place.folder })).rejects.toMatchObject({
      code: 'vault_unreachable',
      details: { reason: expect.stringContaining('its lock file lock cannot be used') as string },
    })
  })

  it('is no reason to wait for the key file either', async () => {
    const file = join(place.folder, 'vault.json')
    await rm(file)
    execFileSync('mkfifo', ['-m', '600', file])
    await expect(openFileVault({ folder: place.folder })).rejects.toMatchObject({
      code: 'vault_key_wrong',
      details: {
        reason: expect.stringContaining('in the place of its key file vault.json') as string,
      },
    })
  })

  // Only root can give a file to another user.
  it.runIf(process.geteuid?.() === 0).each([0o000, 0o600])(
    'may belong to another user: mode %o',
    async (mode) => {
      const file = join(place.folder, fileNameOf('bad'))
      await chmod(file, mode)
      await chown(file, 1, 1)
      await place.withVault(async (vault) => {
        expect(vault.unusableAtStart).toMatchObject([
          { ...bad(), reason: expect.stringContaining('belongs to user 1') as string },
        ])
        expect(await vault.get('good')).toMatchObject({ version: 1 })
        await chown(file, 0, 0)
        await chmod(file, 0o600)
        expect(await vault.get('bad')).toMatchObject({ version: 1 })
      })
    },
  )

  it('keeps the key that it may need in the folder, until it can be read', async () => {
    await failingToRead('bad', 'EACCES', async () => {
      for (const round of [1, 2]) {
        const rotated = await place.withVault((vault) => vault.rotateKey())
        expect(rotated).toMatchObject({ secrets: 1, damaged: [bad()] })
        expect(rotated.kept).toHaveLength(round)
      }
    })
    expect(await keysInFolder()).toBe(3)
    await readsBad()
    expect(await keysInFolder()).toBe(1)
    expect(await place.withVault((vault) => vault.rotateKey())).toMatchObject({
      damaged: [],
      kept: [],
    })
    await readsBad()
  })

  it('is read by a process that was open all the time, once that is possible', async () => {
    await using vault = await openFileVault({ folder: place.folder })
    await failingToRead('bad', 'EIO', async () => {
      await place.withVault((other) => other.rotateKey())
      expect(await vault.check()).toEqual({ unusable: 1 })
    })
    expect(await vault.check()).toEqual({ unusable: 0 })
    expect(await vault.get('bad')).toMatchObject({ secrets: { '/t': 'bad' } })
  })

  it('needs the previous key of the settings once more, and stops nothing until then', async () => {
    const [first, second] = [newKey(), newKey()]
    await place.withVault((vault) => vault.check(), { key: first })
    await failingToRead('bad', 'EIO', () =>
      place.withVault((vault) => vault.check(), { key: second, previousKey: first }),
    )
    await place.withVault(
      async (vault) => {
        const reason = expect.stringMatching(/its key \(id \w+\) is not here/) as string
        expect(vault.unusableAtStart).toMatchObject([{ status: 'damaged', reason }])
        expect(await vault.get('good')).toMatchObject({ version: 1 })
      },
      { key: second },
    )
    await readsBad({ key: second, previousKey: first })
    await readsBad({ key: second })
  })

  it('is another case than a process that has too many files open', async () => {
    const opening = failingToRead('bad', 'EMFILE', () => openFileVault({ folder: place.folder }))
    await expect(opening).rejects.toMatchObject({
      code: 'vault_unreachable',
    })
  })
})

describe('a look from outside', () => {
  it('finds what cannot be used, and changes nothing', async () => {
    expect(await findUnusableFiles({ folder: place.folder })).toEqual([])
    await place.withVault(async (vault) => {
      for (const path of ['good', 'bad']) await vault.put(path, { '/t': path })
    })
    expect(await findUnusableFiles({ folder: place.folder })).toEqual([])
    await place.damage('bad', bytesAt.body)
    const before = await readdir(place.folder)
    const keys = await readFile(join(place.folder, 'vault.json'), 'utf8')
    expect(await findUnusableFiles({ folder: place.folder })).toMatchObject([
      { name: fileNameOf('bad') },
    ])
    expect(await readdir(place.folder)).toEqual(before)
    expect(await readFile(join(place.folder, 'vault.json'), 'utf8')).toBe(keys)
    await rm(join(place.folder, 'vault.json'))
    await expect(findUnusableFiles({ folder: place.folder })).rejects.toMatchObject({
      code: 'vault_key_wrong',
    })
  })
})
