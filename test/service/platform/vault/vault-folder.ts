import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach } from 'vitest'
import { openFileVault, type FileVault } from '../../../../service/platform/vault/file-vault.ts'
import { fileNameOf } from '../../../../service/platform/vault/secrets-file.ts'
import { newFolder } from '../../../support/new-folder.ts'

/** Where the bytes of a file are: see `sealed-secrets.ts`. */
export const bytesAt = { keyId: 5, body: 34 }

export interface VaultFolder {
  readonly folder: string
  withVault<Result>(
    use: (vault: FileVault) => Promise<Result>,
    keys?: { readonly key?: string; readonly previousKey?: string },
  ): Promise<Result>
  secretsFiles(): Promise<string[]>
  /** Flips one bit of a file: of a path, or with this full name. */
  damage(path: string, position: number): Promise<void>
}

/** A folder for an embedded vault, another one in each test. */
export function useVaultFolder(): VaultFolder {
  let folder = ''
  beforeEach(async () => {
    folder = join(await newFolder('vault'), 'vault')
  })
  return {
    get folder() {
      return folder
    },
    async withVault(use, keys = {}) {
      await using vault = await openFileVault({ folder, ...keys })
      return await use(vault)
    },
    async secretsFiles() {
      return (await readdir(folder)).filter((name) => name.endsWith('.secrets')).sort()
    },
    async damage(path, position) {
      const file = path.startsWith('/') ? path : join(folder, fileNameOf(path))
      const bytes = await readFile(file)
      bytes[position] = (bytes[position] ?? 0) ^ 1
      await writeFile(file, bytes)
    },
  }
}

export function newKey(): string {
  return randomBytes(32).toString('base64')
}
