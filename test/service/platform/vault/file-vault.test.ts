import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, { chmod, cp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ConnectError } from '../../../../protocol/index.ts'
import { openFileVault } from '../../../../service/platform/vault/file-vault.ts'
import { vaultContract } from './vault-contract.ts'
import { newKey, useVaultFolder } from './vault-folder.ts'
import { newFolder } from '../../../support/new-folder.ts'

vaultContract('the embedded vault', async () => {
  const folder = join(await newFolder('vault'), 'vault')
  return {
    open: () => openFileVault({ folder }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
})

const place = useVaultFolder()

describe('the files of the embedded vault', () => {
  it('are for their owner only, and hold no secret and no path in clear', async () => {
    await place.withVault((vault) =>
      vault.put('instances/planted-name', { '/token': 'planted-SECRET' }),
    )
    expect((await stat(place.folder)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(place.folder)) {
      expect((await stat(join(place.folder, name))).mode & 0o777).toBe(0o600)
      expect(await readFile(join(place.folder, name), 'latin1')).not.toMatch(/planted/)
    }
  })

  it.each(['', 'vault.json'])('must not be open to others: %s', async (name) => {
    await place.withVault((vault) => vault.put('a', { '/t': 'x' }))
    await chmod(join(place.folder, name), name === '' ? 0o750 : 0o644)
    const error = await openFileVault({ folder: place.folder }).catch((thrown: unknown) =>
      ConnectError.from(thrown),
    )
    expect(error).toMatchObject({ code: 'vault_permissions' })
    await chmod(join(place.folder, name), name === '' ? 0o700 : 0o600)
    await place.withVault((vault) => expect(vault.get('a')).resolves.toMatchObject({ version: 1 }))
  })

  it('show every changed byte', async () => {
    await place.withVault(async (vault) => {
      await vault.put('a', { '/t': 'secret' })
      const [name = ''] = await place.secretsFiles()
      const good = await readFile(join(place.folder, name))
      for (let position = 0; position < good.length; position += 1) {
        const bad = Buffer.from(good)
        bad[position] = (bad[position] ?? 0) ^ 1
        await writeFile(join(place.folder, name), bad)
        await expect(vault.get('a')).rejects.toMatchObject({ code: 'vault_corrupt' })
      }
      for (const length of [0, 3, 19, 33, good.length - 1]) {
        await writeFile(join(place.folder, name), good.subarray(0, length))
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
    await place.withVault(async (vault) => {
      await vault.put('a', { '/t': 'of a' })
      const [first = ''] = await place.secretsFiles()
      await vault.put('b', { '/t': 'of b' })
      const second = (await place.secretsFiles()).find((name) => name !== first) ?? ''
      await rename(join(place.folder, first), join(place.folder, second))
      await expect(vault.get('b')).rejects.toMatchObject({ code: 'vault_corrupt' })
    })
  })

  it('left over from a write that was cut off are removed', async () => {
    await place.withVault((vault) => vault.put('a', { '/t': 'x' }))
    const [name = ''] = await place.secretsFiles()
    await writeFile(join(place.folder, `${name}.new`), 'half', { mode: 0o600 })
    await place.withVault((vault) => expect(vault.get('a')).resolves.toMatchObject({ version: 1 }))
    expect(await readdir(place.folder)).not.toContain(`${name}.new`)
  })
})

describe('the key of the embedded vault', () => {
  it('given from outside is not written down', async () => {
    const key = newKey()
    await place.withVault((vault) => vault.put('a', { '/t': 'x' }), { key })
    const kept = await readFile(join(place.folder, 'vault.json'), 'utf8')
    expect(kept).not.toContain(key.slice(0, 20))
    await place.withVault(
      (vault) => expect(vault.get('a')).resolves.toMatchObject({ version: 1 }),
      {
        key,
      },
    )
  })

  it.each([
    ['another one', () => newKey()],
    ['none', () => undefined],
    ['no key at all', () => 'hunter2'],
  ])('must be the one the folder was made with: %s', async (_, wrong) => {
    await place.withVault((vault) => vault.put('a', { '/t': 'x' }), { key: newKey() })
    const key = wrong()
    await expect(
      openFileVault({ folder: place.folder, ...(key !== undefined && { key }) }),
    ).rejects.toMatchObject({ code: 'vault_key_wrong' })
  })

  it('must not be missing', async () => {
    await place.withVault((vault) => vault.put('a', { '/t': 'x' }))
    await rm(join(place.folder, 'vault.json'))
    await expect(openFileVault({ folder: place.folder })).rejects.toMatchObject({
      code: 'vault_key_wrong',
    })
  })

  const damages: [string, (text: string) => string | undefined][] = [
    ['missing', () => undefined],
    ['empty', () => ''],
    ['cut off', (text) => text.slice(0, 60)],
    [
      'without keys of its own',
      (text) => text.replace(/"keys": \{[^}]*\}/, '"keys": {"x": "AA=="}'),
    ],
    [
      'a changed key',
      (text) => text.replace(/(?<=": "[^"]{20})./, (old) => (old === 'A' ? 'B' : 'A')),
    ],
    ['a changed id', (text) => text.replace(/"current": "./, '"current": "x')],
  ]
  it.each(damages)('is to be restored if its file is damaged: %s', async (_, damage) => {
    await place.withVault((vault) => vault.put('a', { '/t': 'x' }))
    const file = join(place.folder, 'vault.json')
    const text = await readFile(file, 'utf8')
    const bad = damage(text)
    expect(bad).not.toBe(text)
    if (bad === undefined) await rm(file)
    else await writeFile(file, bad)
    const error = await openFileVault({ folder: place.folder }).catch((thrown: unknown) =>
      ConnectError.from(thrown),
    )
    expect(error).toMatchObject({
      code: 'vault_key_wrong',
      suggestedFix: expect.stringContaining('Put `vault.json` back from a backup') as unknown,
    })
    const key = /": "(.{20})/.exec(text.slice(text.indexOf('"keys"')))?.[1] ?? ''
    expect(key).toHaveLength(20)
    expect(JSON.stringify(error)).not.toContain(key.slice(4))
  })

  it('of the settings is to be set again if it was removed from them', async () => {
    await place.withVault((vault) => vault.put('a', { '/t': 'x' }), { key: newKey() })
    for (const keys of [{}, { key: newKey() }]) {
      const opening = openFileVault({ folder: place.folder, ...keys })
      await expect(opening).rejects.toMatchObject({
        code: 'vault_key_wrong',
        suggestedFix: expect.stringContaining('set REACTOR_CONNECT_VAULT_KEY to it') as unknown,
      })
      await expect(opening).rejects.not.toMatchObject({
        suggestedFix: expect.stringContaining('vault.json') as unknown,
      })
    }
  })

  it('is rotated: everything is encrypted anew, and the old key opens nothing', async () => {
    await place.withVault(async (vault) => {
      await vault.put('a', { '/t': 'x' })
      await vault.put('a', { '/t': 'y' })
      await vault.put('b', { '/t': 'z' })
    })
    const oldKeys = await readFile(join(place.folder, 'vault.json'))
    const other = await openFileVault({ folder: place.folder })
    await place.withVault((vault) => vault.rotateKey())
    // A process that was there before goes on, with the new key.
    expect(await other.get('a')).toEqual({ secrets: { '/t': 'y' }, version: 2 })
    await other.put('b', { '/t': 'after' })
    await other[Symbol.asyncDispose]()
    const newKeys = await readFile(join(place.folder, 'vault.json'), 'utf8')
    expect(Object.keys((JSON.parse(newKeys) as { keys: object }).keys)).toHaveLength(1)
    await writeFile(join(place.folder, 'vault.json'), oldKeys)
    await expect(openFileVault({ folder: place.folder })).rejects.toMatchObject({
      code: 'vault_key_wrong',
    })
  })

  it('moves from the folder to the operator, to another one, and back', async () => {
    const [first, second] = [newKey(), newKey()]
    await place.withVault((vault) => vault.put('a', { '/t': 'x' }))
    const expectX = (keys: { key?: string; previousKey?: string }) =>
      place.withVault(
        (vault) => expect(vault.get('a')).resolves.toEqual({ secrets: { '/t': 'x' }, version: 1 }),
        keys,
      )
    await expectX({ key: first })
    await expect(openFileVault({ folder: place.folder })).rejects.toMatchObject({
      code: 'vault_key_wrong',
    })
    await expectX({ key: second, previousKey: first })
    await expectX({ key: second })
    await expectX({ previousKey: second })
    await expectX({})
  })

  it('changed by another process stops the one that has the old one', async () => {
    const [first, second] = [newKey(), newKey()]
    await place.withVault(
      async (old) => {
        await old.put('a', { '/t': 'x' })
        await place.withVault((vault) => vault.check(), { key: second, previousKey: first })
        const wrong = { code: 'vault_key_wrong' }
        await expect(old.put('a', {})).rejects.toMatchObject(wrong)
        await expect(old.check()).rejects.toMatchObject(wrong)
        await expect(old.get('a')).rejects.toMatchObject(wrong)
      },
      { key: first },
    )
  })
})

/**
 * Lets the next read of a file whose name ends with the suffix wait after it has read, until it is released,
 * as on a busy disk. `reached` resolves when it has read.
 */
function holdNextRead(suffix: string) {
  const real = fs.open
  const reached = Promise.withResolvers<undefined>()
  const release = Promise.withResolvers<undefined>()
  const restore = (): void => {
    fs.open = real
    syncBuiltinESMExports()
  }
  const held = async (...parameters: Parameters<typeof real>) => {
    const handle = await real(...parameters)
    if (typeof parameters[0] !== 'string' || !parameters[0].endsWith(suffix)) return handle
    restore()
    const content = await handle.readFile()
    const readFile = async () => {
      reached.resolve(undefined)
      await release.promise
      return content
    }
    return Object.assign(handle, { readFile })
  }
  fs.open = held
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
      await using vault = await openFileVault({ folder: place.folder })
      await vault.put('a', { '/t': 'first' })
      using slow = holdNextRead('vault.json')
      const reading = reader === 'check' ? vault.check() : vault.get('a')
      await slow.reached
      await place.withVault((other) => other.rotateKey())
      using write = holdNextRead('.secrets')
      const writing = vault.put('a', { '/t': 'the only copy' })
      await write.reached
      slow.release()
      await reading
      write.release()
      expect(await writing).toBe(2)
      const kept = { secrets: { '/t': 'the only copy' }, version: 2 }
      expect(await vault.get('a')).toEqual(kept)
      await place.withVault((other) => expect(other.get('a')).resolves.toEqual(kept))
    },
  )

  it('lose nothing when one is killed in the middle of rotations and writes', async () => {
    await place.withVault(async (vault) => {
      for (let n = 0; n < 25; n += 1) await vault.put(`fixed/${n}`, { '/n': n })
    })
    for (let round = 0; round < 4; round += 1) {
      const script = join(import.meta.dirname, 'rotate-and-write.ts')
      const child = spawn(process.execPath, [script, place.folder], {
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
      await place.withVault(async (vault) => {
        for (let n = 0; n < 25; n += 1) {
          expect(await vault.get(`fixed/${n}`)).toEqual({ secrets: { '/n': n }, version: 1 })
        }
        const counter = await vault.get('counter')
        expect(Number(counter?.secrets['/n'])).toBeGreaterThanOrEqual(acknowledged)
      })
      const keys = JSON.parse(await readFile(join(place.folder, 'vault.json'), 'utf8')) as {
        keys: object
      }
      expect(Object.keys(keys.keys)).toHaveLength(1)
    }
  })

  it('exclude each other after the folder was replaced by a backup', async () => {
    await using service = await openFileVault({ folder: place.folder })
    for (let n = 0; n < 5; n += 1) await service.put(`fixed/${n}`, { '/n': 0 })
    await cp(place.folder, `${place.folder}.backup`, { recursive: true })
    await rm(place.folder, { recursive: true })
    await rename(`${place.folder}.backup`, place.folder)
    await using other = await openFileVault({ folder: place.folder })
    using slow = holdNextRead('.secrets')
    const rotating = other.rotateKey() // has the lock, and has read a file
    await slow.reached
    const writing = service.put('fixed/0', { '/n': 1 })
    // The other one has the lock.
    expect(await Promise.race([writing, delay(50, 'it waits')])).toBe('it waits')
    slow.release()
    await rotating
    expect(await writing).toBe(2)
    expect(await service.get('fixed/0')).toEqual({ secrets: { '/n': 1 }, version: 2 })
    await using again = await openFileVault({ folder: place.folder })
    expect(again.unusableAtStart).toEqual([])
  })

  // Both take turns at the lock of the folder, which is a matter of luck on a busy machine.
  it('see each other’s writes while one rotates the key', { timeout: 120_000 }, async () => {
    const script = join(import.meta.dirname, 'rotate-and-write.ts')
    await place.withVault((vault) => vault.put('mine', { '/n': 0 }))
    const child = spawn(process.execPath, [script, place.folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    await once(child.stdout, 'data')
    await place.withVault(async (vault) => {
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
