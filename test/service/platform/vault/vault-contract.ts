import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { instancePath, type Vault } from '../../../../service/platform/vault/vault.ts'

/** A place for secrets that a test has to itself. */
export interface VaultPlace extends AsyncDisposable {
  /** Another client of the same place, as another process would have. */
  open(): Promise<Vault>
}

/** The guarantees of every vault. */
export function vaultContract(name: string, makePlace: () => Promise<VaultPlace>): void {
  describe(name, () => {
    let place: VaultPlace
    let vault: Vault
    beforeEach(async () => {
      place = await makePlace()
      vault = await place.open()
    })
    afterEach(async () => {
      await vault[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    })
    const path = instancePath('in_1')

    it('gives back what was put, with a version that each put increases', async () => {
      const secrets = { '/token': 'ü "x" \u0000 €', '/nested': { a: [1, null, true] } }
      expect(await vault.get(path)).toBeNull()
      expect(await vault.put(path, secrets)).toBe(1)
      expect(await vault.get(path)).toEqual({ secrets, version: 1 })
      expect(await vault.put(path, {})).toBe(2)
      expect(await vault.get(path)).toEqual({ secrets: {}, version: 2 })
    })

    it('keeps paths apart', async () => {
      await vault.put(path, { '/a': '1' })
      await vault.put(instancePath('in_2'), { '/a': '2' })
      await vault.delete(instancePath('in_2'))
      expect(await vault.get(path)).toEqual({ secrets: { '/a': '1' }, version: 1 })
    })

    it('puts only where the version is the expected one', async () => {
      expect(await vault.put(path, { '/a': '1' }, { ifVersion: 0 })).toBe(1)
      const conflict = { code: 'vault_conflict' }
      await expect(vault.put(path, { '/a': 'x' }, { ifVersion: 0 })).rejects.toMatchObject(conflict)
      expect(await vault.put(path, { '/a': '2' }, { ifVersion: 1 })).toBe(2)
      await expect(vault.put(path, { '/a': 'x' }, { ifVersion: 1 })).rejects.toMatchObject(conflict)
      await expect(vault.put(path, { '/a': 'x' }, { ifVersion: 7 })).rejects.toMatchObject(conflict)
      expect(await vault.get(path)).toEqual({ secrets: { '/a': '2' }, version: 2 })
    })

    it('replaces secrets that cannot be used, and no others', async () => {
      const conflict = { code: 'vault_conflict' }
      const replace = () => vault.put(path, { '/a': 'x' }, { ifVersion: 'unusable' })
      await expect(replace()).rejects.toMatchObject(conflict)
      await vault.put(path, { '/a': '1' })
      await expect(replace()).rejects.toMatchObject(conflict)
      expect(await vault.get(path)).toEqual({ secrets: { '/a': '1' }, version: 1 })
    })

    it('forgets what is deleted, and versions start anew', async () => {
      await vault.put(path, { '/a': '1' })
      await vault.put(path, { '/a': '2' })
      await vault.delete(path)
      await vault.delete(path)
      expect(await vault.get(path)).toBeNull()
      await expect(vault.put(path, {}, { ifVersion: 2 })).rejects.toMatchObject({
        code: 'vault_conflict',
      })
      expect(await vault.put(path, { '/a': '3' }, { ifVersion: 0 })).toBe(1)
    })

    it('lets one of many writers win that expect the same version', async () => {
      const other = await place.open()
      await vault.put(path, { '/n': 0 })
      const writers = Array.from({ length: 12 }, async (_, n) =>
        (n % 2 === 0 ? vault : other).put(path, { '/n': n }, { ifVersion: 1 }),
      )
      const results = await Promise.allSettled(writers)
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
      expect((await other.get(path))?.version).toBe(2)
      await other[Symbol.asyncDispose]()
    })

    it('loses no increment of many clients that read, add and put back', async () => {
      const other = await place.open()
      const add = async (client: Vault): Promise<void> => {
        for (;;) {
          const kept = await client.get(path)
          const n = Number(kept?.secrets['/n'] ?? 0)
          try {
            await client.put(path, { '/n': n + 1 }, { ifVersion: kept?.version ?? 0 })
            return
          } catch (error) {
            expect(error).toMatchObject({ code: 'vault_conflict' })
          }
        }
      }
      await Promise.all(Array.from({ length: 10 }, (_, n) => add(n % 2 === 0 ? vault : other)))
      expect(await vault.get(path)).toEqual({ secrets: { '/n': 10 }, version: 10 })
      await other[Symbol.asyncDispose]()
    })

    it('refuses secrets that are too large, and paths that could be read in another way', async () => {
      await expect(vault.put(path, { '/a': 'x'.repeat(300_000) })).rejects.toMatchObject({
        code: 'vault_too_large',
      })
      for (const wrong of [
        '../a',
        '/a',
        'a/',
        'a//b',
        '',
        'a b',
        'a%2fb',
        'a?b',
        'a'.repeat(201),
      ]) {
        await expect((async () => vault.get(wrong))()).rejects.toThrow(TypeError)
      }
    })

    it('is ready', async () => {
      await expect(vault.check()).resolves.toEqual({ unusable: 0 })
    })
  })
}
