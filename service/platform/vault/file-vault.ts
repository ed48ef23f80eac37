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
import { checkKeys, finishRotation, prepareFolder } from './rotate-key.ts'
import { newVaultKey, parseVaultKey, readHeader, type Plain } from './sealed-secrets.ts'
import { fileNameOf, openSealed, readSealed, secretsFiles, writeSealed } from './secrets-file.ts'
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
  /** Names of files that no key opened: they are as they were, and cannot be read (`vault_corrupt`). */
  readonly damaged: readonly string[]
}

const storedSchema = z.record(z.string(), z.json())

/**
 * The embedded vault: a folder with one encrypted file a path, named by the path's hash. It cannot detect that the whole folder, or one
 * file, was restored to an earlier state.
 *
 * Throws `vault_permissions` if others can read the folder, `vault_key_wrong` if the key does not open the files.
 * A rotation of the key that was cut off is finished here. Damaged files do not stop it: `damagedFiles` names them.
 */
export async function openFileVault(options: FileVaultOptions): Promise<FileVault> {
  const { folder } = options
  return inFolder(folder, async () => {
    await openPrivateFolder(folder)
    const keys = givenKeys(options)
    const lock = await FolderLock.open(join(folder, 'lock'))
    try {
      const ring = await lock.hold(() => prepareFolder(folder, keys))
      return new FileVault({ folder, keys, lock, damagedFiles: [...ring.damaged] })
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
  /** When the vault was opened: whoever reads one of them gets `vault_corrupt`. */
  readonly damagedFiles: readonly string[]

  constructor(dependencies: {
    folder: string
    keys: ConfiguredKeys
    lock: FolderLock
    damagedFiles: readonly string[]
  }) {
    this.#folder = dependencies.folder
    this.#keys = dependencies.keys
    this.#lock = dependencies.lock
    this.damagedFiles = dependencies.damagedFiles
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
   * The keys are read after the file, each time. Another process may rotate the key in between and forget the key of what was read:
   * then the file is another one by now. Only a file that stays and no key opens is damaged.
   */
  async #readWithoutLock(name: string, path: string): Promise<Plain | null> {
    let file = await readSealed(this.#folder, name)
    while (file !== null) {
      const plain = openSealed(file, name, await this.#readRing())
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
    return this.#runExclusively(async (ring) => {
      const file = await readSealed(this.#folder, name)
      const version = this.#versionOf(file, { path, name, ifVersion }, ring)
      await writeSealed(this.#folder, { name, version: version + 1, text }, ring)
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
    return this.#runExclusively(async (ring) => {
      if (this.#keys.key !== undefined) {
        throw wrongKeyError(this.#folder, 'the key comes from the settings, so it is changed there')
      }
      await checkKeys(this.#folder, ring)
      const key = newVaultKey()
      const both = { ...ring, current: key, all: new Map([...ring.all, [key.id, key]]) }
      await writeKeyRing(this.#folder, both, this.#keys)
      const { damaged } = await finishRotation(this.#folder, both, this.#keys)
      const secrets = (await secretsFiles(this.#folder)).length - damaged.size
      return { key: key.id, secrets, damaged: [...damaged] }
    })
  }

  /** Waits for work in progress. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock.waitUntilIdle()
    this.#lock[Symbol.dispose]()
  }

  /**
   * Hands the keys as they are now to `work`, and to nobody else: another process may have rotated them, and must not find a
   * file with an old one later. No key is remembered, for a slow reader without the lock would remember one that is forgotten.
   */
  #runExclusively<Result>(work: (ring: KeyRing) => Promise<Result>): Promise<Result> {
    return inFolder(this.#folder, () => this.#lock.hold(async () => work(await this.#readRing())))
  }

  async #readRing(): Promise<KeyRing> {
    const ring = await readKeyRing(this.#folder, this.#keys)
    if (ring === null) throw wrongKeyError(this.#folder, keyFileMissing)
    if (this.#keys.key !== undefined && ring.current.id !== this.#keys.key.id) {
      throw wrongKeyError(this.#folder, 'another process has changed the key: restart this one')
    }
    return ring
  }

  /** A compare needs the true version; a plain replace may also replace a damaged file. */
  #versionOf(
    file: Buffer | null,
    target: { path: string; name: string; ifVersion: number | undefined },
    ring: KeyRing,
  ): number {
    if (target.ifVersion === undefined) return file === null ? 0 : (readHeader(file)?.version ?? 0)
    const plain = file === null ? undefined : openSealed(file, target.name, ring)
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
