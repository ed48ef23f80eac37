import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs, { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { ConnectError } from '../../../../protocol/index.ts'
import { openFileVault } from '../../../../service/platform/vault/file-vault.ts'
import { fileNameOf } from '../../../../service/platform/vault/secrets-file.ts'
import { vaultContract } from './vault-contract.ts'
import { newFolder } from '../../../support/new-folder.ts'

vaultContract('the embedded vault', async () => {
  const folder = join(await newFolder('vault'), 'vault')
  return {
    open: () => openFileVault({ folder }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
})

let root: string
let folder: string
beforeEach(async () => {
  root = await newFolder('vault')
  folder = join(root, 'vault')
})

async function withVault<Result>(
  use: (vault: Awaited<ReturnType<typeof openFileVault>>) => Promise<Result>,
  keys: { key?: string; previousKey?: string } = {},
): Promise<Result> {
  await using vault = await openFileVault({ folder, ...keys })
  return await use(vault)
}

async function secretsFiles(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.secrets')).sort()
}

/** Flips one bit of the file of a path. */
async function damage(path: string, at: number): Promise<void> {
  const file = join(folder, fileNameOf(path))
  const bytes = await readFile(file)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(file, bytes)
}

const newKey = (): string => randomBytes(32).toString('base64')

describe('the files of the embedded vault', () => {
  it('are for their owner only, and hold no secret and no path in clear', async () => {
    await withVault((vault) => vault.put('instances/planted-name', { '/token': 'planted-SECRET' }))
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(folder)) {
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
      expect(await readFile(join(folder, name), 'latin1')).not.toMatch(/planted/)
    }
  })

  it.each(['', 'vault.json'])('must not be open to others: %s', async (name) => {
    await withVault((vault) => vault.put('a', { '/t': 'x' }))
    await chmod(join(folder, name), name === '' ? 0o750 : 0o644)
    const error = await openFileVault({ folder }).catch((thrown: unknown) =>
      ConnectError.from(thrown),
    )
    expect(error).toMatchObject({ code: 'vault_permissions' })
    await chmod(join(folder, name), name === '' ? 0o700 : 0o600)
    await withVault((vault) => expect(vault.get('a')).resolves.toMatchObject({ version: 1 }))
  })

  it('show every changed byte', async () => {
    await withVault(async (vault) => {
      await vault.put('a', { '/t': 'secret' })
      const [name = ''] = await secretsFiles()
      const good = await readFile(join(folder, name))
      for (let at = 0; at < good.length; at += 1) {
        const bad = Buffer.from(good)
        bad[at] = (bad[at] ?? 0) ^ 1
        await writeFile(join(folder, name), bad)
        await expect(vault.get('a')).rejects.toMatchObject({ code: 'vault_corrupt' })
      }
      for (const length of [0, 3, 19, 33, good.length - 1]) {
        await writeFile(join(folder, name), good.subarray(0, length))
        await expect(vault.get('a')).rejects.toMatchObject({ code: 'vault_corrupt' })
        await expect(vault.put('a', {}, { ifVersion: 1 })).rejects.toMatchObject({
          code: 'vault_corrupt',
        })
      }
      await vault.put('a', { '/t': 'anew' })
      expect(await vault.get('a')).toMatchObject({ secrets: { '/t': 'anew' } })
    })
  })

  it('cannot be put in the place of one another', async () => {
    await withVault(async (vault) => {
      await vault.put('a', { '/t': 'of a' })
      const [first = ''] = await secretsFiles()
      await vault.put('b', { '/t': 'of b' })
      const second = (await secretsFiles()).find((name) => name !== first) ?? ''
      await rename(join(folder, first), join(folder, second))
      await expect(vault.get('b')).rejects.toMatchObject({ code: 'vault_corrupt' })
    })
  })

  it('left over from a write that was cut off are removed', async () => {
    await withVault((vault) => vault.put('a', { '/t': 'x' }))
    const [name = ''] = await secretsFiles()
    await writeFile(join(folder, `${name}.new`), 'half', { mode: 0o600 })
    await withVault((vault) => expect(vault.get('a')).resolves.toMatchObject({ version: 1 }))
    expect(await readdir(folder)).not.toContain(`${name}.new`)
  })
})

describe('the key of the embedded vault', () => {
  it('given from outside is not written down', async () => {
    const key = newKey()
    await withVault((vault) => vault.put('a', { '/t': 'x' }), { key })
    const kept = await readFile(join(folder, 'vault.json'), 'utf8')
    expect(kept).not.toContain(key.slice(0, 20))
    await withVault((vault) => expect(vault.get('a')).resolves.toMatchObject({ version: 1 }), {
      key,
    })
  })

  it.each([
    ['another one', () => newKey()],
    ['none', () => undefined],
    ['no key at all', () => 'hunter2'],
  ])('must be the one the folder was made with: %s', async (_, wrong) => {
    await withVault((vault) => vault.put('a', { '/t': 'x' }), { key: newKey() })
    const key = wrong()
    await expect(
      openFileVault({ folder, ...(key !== undefined && { key }) }),
    ).rejects.toMatchObject({ code: 'vault_key_wrong' })
  })

  it('must not be missing', async () => {
    await withVault((vault) => vault.put('a', { '/t': 'x' }))
    await rm(join(folder, 'vault.json'))
    await expect(openFileVault({ folder })).rejects.toMatchObject({ code: 'vault_key_wrong' })
  })

  it('is rotated: everything is encrypted anew, and the old key opens nothing', async () => {
    await withVault(async (vault) => {
      await vault.put('a', { '/t': 'x' })
      await vault.put('a', { '/t': 'y' })
      await vault.put('b', { '/t': 'z' })
    })
    const oldKeys = await readFile(join(folder, 'vault.json'))
    const other = await openFileVault({ folder })
    await withVault((vault) => vault.rotateKey())
    // A process that was there before goes on, with the new key.
    expect(await other.get('a')).toEqual({ secrets: { '/t': 'y' }, version: 2 })
    await other.put('b', { '/t': 'after' })
    await other[Symbol.asyncDispose]()
    const newKeys = await readFile(join(folder, 'vault.json'), 'utf8')
    expect(Object.keys((JSON.parse(newKeys) as { keys: object }).keys)).toHaveLength(1)
    await writeFile(join(folder, 'vault.json'), oldKeys)
    await expect(openFileVault({ folder })).rejects.toMatchObject({ code: 'vault_key_wrong' })
  })

  it('moves from the folder to the operator, to another one, and back', async () => {
    const [first, second] = [newKey(), newKey()]
    await withVault((vault) => vault.put('a', { '/t': 'x' }))
    const expectX = (keys: { key?: string; previousKey?: string }) =>
      withVault(
        (vault) => expect(vault.get('a')).resolves.toEqual({ secrets: { '/t': 'x' }, version: 1 }),
        keys,
      )
    await expectX({ key: first })
    await expect(openFileVault({ folder })).rejects.toMatchObject({ code: 'vault_key_wrong' })
    await expectX({ key: second, previousKey: first })
    await expectX({ key: second })
    await expectX({ previousKey: second })
    await expectX({})
  })

  it('changed by another process stops the one that has the old one', async () => {
    const [first, second] = [newKey(), newKey()]
    await withVault(
      async (old) => {
        await old.put('a', { '/t': 'x' })
        await withVault((vault) => vault.check(), { key: second, previousKey: first })
        const wrong = { code: 'vault_key_wrong' }
        await expect(old.put('a', {})).rejects.toMatchObject(wrong)
        await expect(old.check()).rejects.toMatchObject(wrong)
        await expect(old.get('a')).rejects.toMatchObject(wrong)
      },
      { key: first },
    )
  })
})

/** Where the bytes of a file are: see `sealed-secrets.ts`. */
const bytesAt = { keyId: 5, body: 34 }
const corrupt = { code: 'vault_corrupt' }

describe('a damaged file', () => {
  const files = { good: { '/t': 'good' }, bad: { '/t': 'bad' } }
  beforeEach(() =>
    withVault(async (vault) => {
      for (const [path, secrets] of Object.entries(files)) await vault.put(path, secrets)
    }),
  )

  async function expectOnlyBadDamaged(keys: { key?: string; previousKey?: string } = {}) {
    await withVault(async (vault) => {
      expect(vault.damagedFiles).toEqual([fileNameOf('bad')])
      expect(await vault.get('good')).toEqual({ secrets: files.good, version: 1 })
      await expect(vault.get('bad')).rejects.toMatchObject(corrupt)
    }, keys)
  }

  it.each(Object.entries(bytesAt))('is the only one that cannot be read: %s', async (_, at) => {
    await damage('bad', at)
    await expectOnlyBadDamaged()
    await withVault((vault) => vault.put('bad', { '/t': 'anew' }))
    await withVault(async (vault) => {
      expect(vault.damagedFiles).toEqual([])
      expect(await vault.get('bad')).toMatchObject({ secrets: { '/t': 'anew' } })
    })
  })

  it.each(Object.entries(bytesAt))('is named by a rotation, and not counted: %s', async (_, at) => {
    await damage('bad', at)
    const damaged = [fileNameOf('bad')]
    for (let round = 1; round <= 2; round += 1) {
      const rotated = await withVault((vault) => vault.rotateKey())
      expect(rotated).toMatchObject({ secrets: 1, damaged })
      await expectOnlyBadDamaged()
    }
  })

  it.each(Object.entries(bytesAt))('does not stop a change of the key: %s', async (_, at) => {
    const [first, second] = [newKey(), newKey()]
    await withVault((vault) => vault.check(), { key: first })
    await damage('bad', at)
    await expectOnlyBadDamaged({ key: second, previousKey: first })
    await expectOnlyBadDamaged({ key: second })
  })

  it('that is put back from a backup under a key of before stops nothing either', async () => {
    const backup = await readFile(join(folder, fileNameOf('bad')))
    await damage('bad', bytesAt.body)
    await withVault((vault) => vault.rotateKey())
    await writeFile(join(folder, fileNameOf('bad')), backup)
    await expectOnlyBadDamaged()
  })

  it('does not hide that the others are under another key', async () => {
    await damage('bad', bytesAt.body)
    const old = await readFile(join(folder, 'vault.json'))
    await withVault((vault) => vault.rotateKey())
    await writeFile(join(folder, 'vault.json'), old)
    await expect(openFileVault({ folder })).rejects.toMatchObject({
      code: 'vault_key_wrong',
      message: expect.stringContaining(`1 of 2 files (${fileNameOf('good')}`) as unknown,
    })
  })

  it('does not hide that a change of the key was cut off, and needs the key of before', async () => {
    const [first, second] = [newKey(), newKey()]
    await withVault((vault) => vault.check(), { key: first })
    await damage('bad', bytesAt.body)
    const before = await readFile(join(folder, fileNameOf('good')))
    await withVault((vault) => vault.check(), { key: second, previousKey: first })
    await writeFile(join(folder, fileNameOf('good')), before)
    await expect(openFileVault({ folder, key: second })).rejects.toMatchObject({
      code: 'vault_key_wrong',
    })
    await expectOnlyBadDamaged({ key: second, previousKey: first })
  })
})

/**
 * Lets the next reading of a file whose name ends so wait, with what it has read, until it is let go of: what a busy disk does.
 * `reached` resolves when it has read.
 */
function holdNextRead(suffix: string) {
  const real = fs.readFile
  const reached = Promise.withResolvers<undefined>()
  const release = Promise.withResolvers<undefined>()
  const restore = (): void => {
    fs.readFile = real
    syncBuiltinESMExports()
  }
  const held = async (...parameters: Parameters<typeof real>) => {
    const content = await real(...parameters)
    if (typeof parameters[0] !== 'string' || !parameters[0].endsWith(suffix)) return content
    restore()
    reached.resolve(undefined)
    await release.promise
    return content
  }
  fs.readFile = held as typeof real
  syncBuiltinESMExports()
  return {
    reached: reached.promise,
    release: () => {
      release.resolve(undefined)
    },
    [Symbol.dispose]: restore,
  }
}

describe('processes that share a folder', () => {
  it.each(['check', 'get'] as const)(
    'write with the key of now, whatever a slow %s has read before a rotation',
    async (reader) => {
      await using vault = await openFileVault({ folder })
      await vault.put('a', { '/t': 'first' })
      using slow = holdNextRead('vault.json')
      const reading = reader === 'check' ? vault.check() : vault.get('a')
      await slow.reached
      await withVault((other) => other.rotateKey())
      using write = holdNextRead('.secrets')
      const writing = vault.put('a', { '/t': 'the only copy' })
      await write.reached
      slow.release()
      await reading
      write.release()
      expect(await writing).toBe(2)
      const kept = { secrets: { '/t': 'the only copy' }, version: 2 }
      expect(await vault.get('a')).toEqual(kept)
      await withVault((other) => expect(other.get('a')).resolves.toEqual(kept))
    },
  )

  it('lose nothing when one is killed in the middle of rotations and writes', async () => {
    await withVault(async (vault) => {
      for (let n = 0; n < 25; n += 1) await vault.put(`fixed/${n}`, { '/n': n })
    })
    for (let round = 0; round < 4; round += 1) {
      const script = join(import.meta.dirname, 'rotate-and-write.ts')
      const child = spawn(process.execPath, [script, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const exited = once(child, 'exit')
      let acknowledged = 0
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.trim().split('\n'))
          acknowledged = Math.max(acknowledged, Number(line))
      })
      await once(child.stdout, 'data')
      await delay(Math.random() * 60) // the moment of the kill
      child.kill('SIGKILL')
      await exited
      await withVault(async (vault) => {
        for (let n = 0; n < 25; n += 1) {
          expect(await vault.get(`fixed/${n}`)).toEqual({ secrets: { '/n': n }, version: 1 })
        }
        const counter = await vault.get('counter')
        expect(Number(counter?.secrets['/n'])).toBeGreaterThanOrEqual(acknowledged)
      })
      const keys = JSON.parse(await readFile(join(folder, 'vault.json'), 'utf8')) as {
        keys: object
      }
      expect(Object.keys(keys.keys)).toHaveLength(1)
    }
  })

  // Both take turns at the lock of the folder, which is a matter of luck on a busy machine.
  it('see each other’s writes while one rotates the key', { timeout: 120_000 }, async () => {
    const script = join(import.meta.dirname, 'rotate-and-write.ts')
    await withVault((vault) => vault.put('mine', { '/n': 0 }))
    const child = spawn(process.execPath, [script, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    await once(child.stdout, 'data')
    await withVault(async (vault) => {
      for (let n = 1; n <= 50; n += 1) {
        expect(await vault.put('mine', { '/n': n }, { ifVersion: n })).toBe(n + 1)
        // Several at once: the more of them read a file just as its key is forgotten.
        const read = await Promise.all(Array.from({ length: 8 }, () => vault.get('mine')))
        for (const found of read) expect(found).toEqual({ secrets: { '/n': n }, version: n + 1 })
      }
    })
    child.kill('SIGKILL')
    await exited
  })
})
