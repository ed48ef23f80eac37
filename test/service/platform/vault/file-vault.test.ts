import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { ConnectError } from '../../../../protocol/index.ts'
import { openFileVault } from '../../../../service/platform/vault/file-vault.ts'
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

describe('processes that share a folder', () => {
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
