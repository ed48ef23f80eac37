import { access, constants, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import { FolderLock } from './folder-lock.ts'
import {
  keyFileMissing,
  readKeyRing,
  writeKeyRing,
  wrongKeyError,
  type ConfiguredKeys,
  type KeyRing,
} from './key-ring.ts'
import { syncFolder } from '../../../lib/files/replace-file.ts'
import { openPrivateFolder } from './private-files.ts'
import { finishRotation, prepareFolder } from './rotate-key.ts'
import { newVaultKey, parseVaultKey, readHeader, unseal, type Plain } from './sealed-secrets.ts'
import { fileNameOf, readSealed, secretsFiles, writeSealed } from './secrets-file.ts'
import { secretsText, type StoredSecrets, type Vault } from './vault.ts'

export interface FileVaultOptions {
  /** Used by the vault alone: created with mode 0700 if it is missing. */
  readonly folder: string
  /** 32 bytes in base64. Without it, a key is generated and stored in the folder, readable only by this user. */
  readonly key?: string
  /** The previous key, if `key` replaces it (or is no longer set). */
  readonly previousKey?: string
}

export interface RotatedKey {
  /** The id of the new key; it reveals nothing about the key. */
  readonly key: string
  /** Number of files that are encrypted with it. */
  readonly secrets: number
}

const storedSchema = z.record(z.string(), z.json())

/**
 * The embedded vault: a folder with one encrypted file a path, named by the path's hash. It cannot detect that the whole folder, or one
 * file, was restored to an earlier state.
 *
 * Throws `vault_permissions` if others can read the folder, `vault_key_wrong` if the key does not open the files. A rotation of the key
 * that was cut off is finished here.
 */
export async function openFileVault(options: FileVaultOptions): Promise<FileVault> {
  const { folder } = options
  return inFolder(folder, async () => {
    await openPrivateFolder(folder)
    const keys = givenKeys(options)
    const lock = await FolderLock.open(join(folder, 'lock'))
    try {
      const ring = await lock.hold(() => prepareFolder(folder, keys))
      return new FileVault({ folder, keys, lock, ring })
    } catch (error) {
      lock[Symbol.dispose]()
      throw error
    }
  })
}

export class FileVault implements Vault {
  readonly #folder: string
  readonly #keys: ConfiguredKeys
  readonly #lock: FolderLock
  #ring: KeyRing

  constructor(dependencies: {
    folder: string
    keys: ConfiguredKeys
    lock: FolderLock
    ring: KeyRing
  }) {
    this.#folder = dependencies.folder
    this.#keys = dependencies.keys
    this.#lock = dependencies.lock
    this.#ring = dependencies.ring
  }

  async get(path: string): Promise<StoredSecrets | null> {
    const name = fileNameOf(path)
    return inFolder(this.#folder, async () => {
      const plain = await this.#readWithoutLock(name, path)
      if (plain === null) return null
      return { secrets: storedSchema.parse(JSON.parse(plain.text)), version: plain.version }
    })
  }

  /**
   * Another process may rotate the key after the file was read and before the keys are, and remove the old key: then the file has changed
   * too. Only a file that has not changed and that no key opens is damaged.
   */
  async #readWithoutLock(name: string, path: string): Promise<Plain | null> {
    let file = await readSealed(this.#folder, name)
    while (file !== null) {
      const plain = await this.#unseal(file, name)
      if (plain !== undefined) return plain
      const now = await readSealed(this.#folder, name)
      if (now?.equals(file) === true) throw corrupt(this.#folder, { path, name })
      file = now
    }
    return null
  }

  async put(
    path: string,
    secrets: JsonObject,
    { ifVersion }: { readonly ifVersion?: number } = {},
  ): Promise<number> {
    const name = fileNameOf(path)
    const text = secretsText(path, secrets)
    return this.#runExclusively(async () => {
      const file = await readSealed(this.#folder, name)
      const version = await this.#versionOf(file, { path, name, ifVersion })
      await writeSealed(this.#folder, { name, version: version + 1, text }, this.#ring)
      return version + 1
    })
  }

  async delete(path: string): Promise<void> {
    const name = fileNameOf(path)
    return this.#runExclusively(async () => {
      await rm(join(this.#folder, name), { force: true })
      await syncFolder(this.#folder)
    })
  }

  check(): Promise<void> {
    return inFolder(this.#folder, async () => {
      await access(this.#folder, constants.R_OK | constants.W_OK | constants.X_OK)
      await this.#readRing()
    })
  }

  /**
   * Encrypts everything with a new key and removes the old one. If it is interrupted, every file stays readable, and the next start
   * finishes it. Throws `vault_key_wrong` if the operator gave the key: then a start with `previousKey` does it.
   */
  rotateKey(): Promise<RotatedKey> {
    return this.#runExclusively(async () => {
      if (this.#keys.key !== undefined) {
        throw wrongKeyError(this.#folder, 'the key comes from the settings, so it is changed there')
      }
      const key = newVaultKey()
      this.#ring = { current: key, all: new Map([...this.#ring.all, [key.id, key]]) }
      await writeKeyRing(this.#folder, this.#ring, this.#keys)
      this.#ring = await finishRotation(this.#folder, this.#ring, this.#keys)
      const secrets = (await secretsFiles(this.#folder)).length
      return { key: key.id, secrets }
    })
  }

  /** Waits for work in progress. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock.waitUntilIdle()
    this.#lock[Symbol.dispose]()
  }

  /** With the present keys: another process may have rotated them, and must not find a file with an old one later. */
  #runExclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    return inFolder(this.#folder, () =>
      this.#lock.hold(async () => {
        await this.#readRing()
        return work()
      }),
    )
  }

  async #readRing(): Promise<void> {
    const ring = await readKeyRing(this.#folder, this.#keys)
    if (ring === null) throw wrongKeyError(this.#folder, keyFileMissing)
    if (this.#keys.key !== undefined && ring.current.id !== this.#keys.key.id) {
      throw wrongKeyError(this.#folder, 'another process has changed the key: restart this one')
    }
    this.#ring = ring
  }

  /** Undefined: no key opens it. */
  async #unseal(file: Buffer, name: string): Promise<Plain | undefined> {
    const keyId = readHeader(file)?.keyId
    if (keyId !== undefined && !this.#ring.all.has(keyId)) await this.#readRing()
    const key = keyId === undefined ? undefined : this.#ring.all.get(keyId)
    return key === undefined ? undefined : unseal(file, name, key)
  }

  /** A compare needs the true version; a plain replace may also replace a damaged file. */
  async #versionOf(
    file: Buffer | null,
    target: { path: string; name: string; ifVersion: number | undefined },
  ): Promise<number> {
    if (target.ifVersion === undefined) return file === null ? 0 : (readHeader(file)?.version ?? 0)
    const plain = file === null ? undefined : await this.#unseal(file, target.name)
    if (file !== null && plain === undefined) throw corrupt(this.#folder, target)
    const version = plain?.version ?? 0
    if (version === target.ifVersion) return version
    throw new ConnectError('vault_conflict', { details: { path: target.path } })
  }
}

function givenKeys({ folder, key, previousKey }: FileVaultOptions): ConfiguredKeys {
  const parse = (text: string, name: string) => {
    const parsed = parseVaultKey(text)
    if (parsed === undefined) throw wrongKeyError(folder, `the ${name} is not 32 bytes in base64`)
    return parsed
  }
  return {
    ...(key !== undefined && { key: parse(key, 'given key') }),
    ...(previousKey !== undefined && { previousKey: parse(previousKey, 'previous key') }),
  }
}

/** Errors of the file system (no space, no permission, a failing disk) become `vault_unreachable`. */
async function inFolder<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error instanceof ConnectError)
      throw error
    const details = { url: folder, reason: error.message }
    throw new ConnectError('vault_unreachable', { details, cause: error })
  }
}

function corrupt(folder: string, { path, name }: { path: string; name: string }): ConnectError {
  return new ConnectError('vault_corrupt', { details: { path, file: join(folder, name) } })
}
