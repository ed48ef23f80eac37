import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'
import { FolderLock } from './folder-lock.ts'
import {
  missingKeyFile,
  readKeyRing,
  writeKeyRing,
  wrongKeyError,
  type ConfiguredKeys,
  type KeyRing,
} from './key-ring.ts'
import { openPrivateFolder } from './private-files.ts'
import { checkKeys } from './check-keys.ts'
import { finishRotation, knownKeys, prepareFolder } from './rotate-key.ts'
import { newVaultKey, parseVaultKey, readHeader } from './sealed-secrets.ts'
import {
  fileNameOf,
  isSameFile,
  openSealed,
  readSealed,
  removeSecrets,
  secretsFiles,
  unusableFile,
  writeBeside,
  writeSealed,
  type OpenedFile,
  type StoredFile,
  type UnusableFile,
} from './secrets-file.ts'
import {
  secretsError,
  secretsText,
  type PutOptions,
  type StoredSecrets,
  type Vault,
  type VaultCondition,
} from './vault.ts'

export interface FileVaultOptions {
  /** Used by the vault alone: created with mode 0700 if it is missing. */
  readonly folder: string
  /**
   * 32 bytes in base64. Without it, a key is generated and stored in the folder, readable only by this user.
   */
  readonly key?: string
  /** The previous key, if `key` replaces it (or is no longer set). */
  readonly previousKey?: string
}

export interface RotatedKey {
  /** The id of the new key; it reveals nothing about the key. */
  readonly key: string
  /** Number of files that are encrypted with it. */
  readonly secrets: number
  /** Files that are as they were: no key opens them, or they cannot be read. */
  readonly damaged: readonly UnusableFile[]
  /**
   * Files that were set aside and still cannot be used: an older key stays in the folder for each, in case a
   * person repairs it.
   */
  readonly setAside: readonly UnusableFile[]
  /**
   * Ids of older keys that stay in the folder, because a file that cannot be read, or was set aside, may need
   * one.
   */
  readonly kept: readonly string[]
}

/** Files that `check` looks at again, so that it stays quick on a disk that dies. */
const mostLookedAt = 100
/** The most times that `check` looks at a folder whose key is rotated in the meantime. */
const mostLooks = 5

const storedSchema = z.record(z.string(), z.json())

/**
 * The embedded vault: a folder with one encrypted file a path, named by the path's hash. It cannot detect
 * that the whole folder, or one file, was restored to an earlier state.
 *
 * Throws `vault_permissions` if others can read the folder, `vault_key_wrong` if the key does not open the
 * files. A rotation of the key that was cut off is finished here. Files that cannot be used do not stop it:
 * `unusableAtStart` names them.
 */
export async function openFileVault(options: FileVaultOptions): Promise<FileVault> {
  const { folder } = options
  return inFolder(folder, async () => {
    await openPrivateFolder(folder)
    const keys = givenKeys(options)
    const lock = await FolderLock.open(join(folder, 'lock'))
    try {
      const { unusable, setAside } = await lock.hold(() => prepareFolder(lock, keys))
      const atStart = { unusableAtStart: unusable, setAsideAtStart: setAside }
      return new FileVault({ folder, keys, lock, ...atStart })
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
  /**
   * Files that could not be used when the vault was opened: reading them throws `vault_corrupt` or
   * `vault_file_unreadable`.
   */
  readonly unusableAtStart: readonly UnusableFile[]
  /** Files that were set aside and could not be used then, and may need an older key. Nobody reads them. */
  readonly setAsideAtStart: readonly UnusableFile[]
  /** Names of the files that were not usable when they were last looked at. */
  readonly #unusable: Set<string>

  constructor(dependencies: {
    folder: string
    keys: ConfiguredKeys
    lock: FolderLock
    unusableAtStart: readonly UnusableFile[]
    setAsideAtStart: readonly UnusableFile[]
  }) {
    this.#folder = dependencies.folder
    this.#keys = dependencies.keys
    this.#lock = dependencies.lock
    this.unusableAtStart = dependencies.unusableAtStart
    this.setAsideAtStart = dependencies.setAsideAtStart
    this.#unusable = new Set(dependencies.unusableAtStart.map(({ name }) => name))
  }

  async get(path: string): Promise<StoredSecrets | null> {
    const name = fileNameOf(path)
    return inFolder(this.#folder, async () => {
      const opened = await this.#open(name)
      if (opened.status === 'absent') return null
      if (opened.status !== 'open') throw unusableError(this.#folder, { path, name }, opened)
      const { text, version } = opened.plain
      return { secrets: storedSchema.parse(JSON.parse(text)), version }
    })
  }

  /**
   * Without the lock. The keys are read after the file, each time: another process may rotate the key in
   * between and forget the key of what was read. Then the file is another one by now, and only a file that
   * stays and no key opens is damaged.
   */
  async #open(name: string): Promise<OpenedFile> {
    let file = await readSealed(this.#folder, name)
    for (;;) {
      const opened = openSealed(file, name, await this.#readRing())
      const isUsable = unusableFile(name, opened) === undefined
      const now = isUsable ? file : await readSealed(this.#folder, name)
      if (isSameFile(file, now)) {
        if (isUsable) this.#unusable.delete(name)
        else this.#unusable.add(name)
        return opened
      }
      file = now
    }
  }

  async put(path: string, secrets: JsonObject, { ifVersion }: PutOptions = {}): Promise<number> {
    const name = fileNameOf(path)
    const text = secretsText(path, secrets)
    return this.#runExclusively(async (ring) => {
      const file = await readSealed(this.#folder, name)
      const opened = openSealed(file, name, ring)
      const target = { path, name }
      const version = this.#versionOf({ file, opened }, target, ifVersion)
      // A person may still be able to mend the old file, or have its key.
      const write = unusableFile(name, opened) === undefined ? writeSealed : writeBeside
      await this.#lock.requireHeld()
      await write(this.#folder, { name, version: version + 1, text }, ring)
      this.#unusable.delete(name)
      return version + 1
    })
  }

  async delete(path: string): Promise<void> {
    const name = fileNameOf(path)
    return this.#runExclusively(async () => {
      await this.#lock.requireHeld()
      await removeSecrets(this.#folder, name)
      this.#unusable.delete(name)
    })
  }

  /**
   * Looks again at the files that were not usable, also at those that another process found: there are few.
   */
  check(): Promise<VaultCondition> {
    return inFolder(this.#folder, async () => {
      await access(this.#folder, constants.R_OK | constants.W_OK | constants.X_OK)
      await this.#lock.check()
      const { damaged } = await this.#readRing()
      const names = [...new Set([...this.#unusable, ...damaged])]
      const opened = await Promise.all(names.slice(0, mostLookedAt).map((name) => this.#open(name)))
      const usable = opened.filter(({ status }) => status === 'open' || status === 'absent')
      return { unusable: names.length - usable.length }
    })
  }

  /**
   * Encrypts everything with a new key and removes the old one, unless a file that cannot be read may need
   * it. If it is interrupted, every file stays readable, and the next start finishes it. Throws
   * `vault_key_wrong` if the operator gave the key: then a start with `previousKey` does it.
   */
  rotateKey(): Promise<RotatedKey> {
    return this.#runExclusively(async (ring) => {
      if (this.#keys.key !== undefined) {
        const fix =
          'Start once with the new key as REACTOR_CONNECT_VAULT_KEY and the old one as REACTOR_CONNECT_VAULT_PREVIOUS_KEY.'
        throw wrongKeyError(this.#folder, 'the key comes from the settings', fix)
      }
      await checkKeys(this.#folder, ring, this.#keys)
      const key = newVaultKey()
      const both = { ...ring, current: key, all: new Map([...ring.all, [key.id, key]]) }
      await this.#lock.requireHeld()
      await writeKeyRing(this.#folder, both, this.#keys)
      const finished = await finishRotation(this.#lock, both, this.#keys)
      const { unusable, setAside } = finished
      const secrets = (await secretsFiles(this.#folder)).length - unusable.length
      const kept = [...finished.ring.all.keys()].filter((id) => id !== key.id)
      return { key: key.id, secrets, damaged: unusable, setAside, kept }
    })
  }

  /** Waits for work in progress. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock.waitUntilIdle()
    this.#lock[Symbol.dispose]()
  }

  /**
   * Hands the keys as they are now to `work`, and to nobody else: another process may have rotated them, and
   * must not find a file with an old one later. No key is remembered, for a slow reader without the lock
   * would remember one that is forgotten.
   */
  #runExclusively<Result>(work: (ring: KeyRing) => Promise<Result>): Promise<Result> {
    return inFolder(this.#folder, () => this.#lock.hold(async () => work(await this.#readRing())))
  }

  async #readRing(): Promise<KeyRing> {
    const ring = await readKeyRing(this.#folder, this.#keys)
    if (ring === null) {
      // A folder that is gone (its disk is) is not one without its key file.
      await access(this.#folder)
      throw missingKeyFile(this.#folder)
    }
    if (this.#keys.key !== undefined && ring.current.id !== this.#keys.key.id) {
      const fix = 'Restart this process with the key that the other one has.'
      const reason = 'another process has changed the key: restart this one'
      throw wrongKeyError(this.#folder, reason, fix)
    }
    return ring
  }

  /** A compare needs the true version; a plain replace may also replace a file that cannot be used. */
  #versionOf(
    { file, opened }: { readonly file: StoredFile; readonly opened: OpenedFile },
    target: { readonly path: string; readonly name: string },
    expected: PutOptions['ifVersion'],
  ): number {
    if (opened.status === 'damaged' || opened.status === 'unreadable') {
      if (typeof expected === 'number') throw unusableError(this.#folder, target, opened)
      return file.status === 'read' ? (readHeader(file.bytes)?.version ?? 0) : 0
    }
    const version = opened.status === 'open' ? opened.plain.version : 0
    if (expected === undefined || expected === version) return version
    throw secretsError('vault_conflict', target.path)
  }
}

/**
 * The files of a folder that cannot be used, without changing anything: for a look from outside of the
 * service. Throws what `openFileVault` throws for keys. A folder without a vault has none.
 */
export function findUnusableFiles(options: FileVaultOptions): Promise<readonly UnusableFile[]> {
  const { folder } = options
  const keys = givenKeys(options)
  return inFolder(folder, async () => {
    for (let attempt = 1; ; attempt += 1) {
      const ring = await readKeyRing(folder, keys)
      const looked = await lookThrough(folder, ring, keys).catch((error: unknown) => ({ error }))
      if ('files' in looked && looked.files.length === 0) return []
      // A service may have rotated the key in the meantime.
      const now = await readKeyRing(folder, keys)
      if (now?.current.id !== ring?.current.id && attempt < mostLooks) continue
      if ('error' in looked) {
        if (ring === null && errorCodeOf(looked.error) === 'ENOENT') return []
        throw looked.error
      }
      return looked.files
    }
  })
}

async function lookThrough(
  folder: string,
  ring: KeyRing | null,
  keys: ConfiguredKeys,
): Promise<{ readonly files: readonly UnusableFile[] }> {
  const known = await knownKeys(folder, ring, keys)
  await checkKeys(folder, known, keys)
  const files: UnusableFile[] = []
  for (const name of await secretsFiles(folder)) {
    const opened = openSealed(await readSealed(folder, name), name, known)
    const file = unusableFile(name, opened)
    if (file !== undefined) files.push(file)
  }
  return { files }
}

function givenKeys({ folder, key, previousKey }: FileVaultOptions): ConfiguredKeys {
  const parse = (text: string, setting: string) => {
    const parsed = parseVaultKey(text)
    if (parsed !== undefined) return parsed
    const fix = `Set ${setting} to the key of the folder, 32 bytes in base64. \`openssl rand -base64 32\` prints a new one.`
    throw wrongKeyError(folder, `${setting} is not 32 bytes in base64`, fix)
  }
  return {
    ...(key !== undefined && { key: parse(key, 'REACTOR_CONNECT_VAULT_KEY') }),
    ...(previousKey !== undefined && {
      previousKey: parse(previousKey, 'REACTOR_CONNECT_VAULT_PREVIOUS_KEY'),
    }),
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

function unusableError(
  folder: string,
  { path, name }: { readonly path: string; readonly name: string },
  { status, reason }: Pick<UnusableFile, 'status' | 'reason'>,
): ConnectError {
  const code = status === 'damaged' ? 'vault_corrupt' : 'vault_file_unreadable'
  return secretsError(code, path, { file: join(folder, name), reason })
}
