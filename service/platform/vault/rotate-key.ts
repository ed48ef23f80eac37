import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FolderLock } from './folder-lock.ts'
import {
  chooseKey,
  keyFileMissing,
  readKeyRing,
  writeKeyRing,
  wrongKeyError,
  type ConfiguredKeys,
  type KeyRing,
} from './key-ring.ts'
import { draftSuffix } from '../../../lib/files/replace-file.ts'
import { isSealedWith, readHeader } from './sealed-secrets.ts'
import {
  openSealed,
  readSealed,
  secretsFiles,
  unusableFile,
  writeSealed,
  type UnusableFile,
} from './secrets-file.ts'

/** A folder whose lock this process has. */
export type HeldFolder = Pick<FolderLock, 'folder' | 'requireHeld'>

/** The keys once a rotation has ended, and the files that it could not encrypt. */
export interface FinishedRotation {
  readonly ring: KeyRing
  readonly unusable: readonly UnusableFile[]
}

/** Completes the state that the last process left in the folder, however it ended. Requires the lock. */
export async function prepareFolder(
  lock: HeldFolder,
  keys: ConfiguredKeys,
): Promise<FinishedRotation> {
  const { folder } = lock
  await removeDrafts(lock)
  const ring = await readKeyRing(folder, keys)
  const known = await knownKeys(folder, ring, keys)
  await checkKeys(folder, known)
  if (ring?.current.id !== known.current.id) {
    await lock.requireHeld()
    await writeKeyRing(folder, known, keys)
  }
  return finishRotation(lock, known, keys)
}

/** The ring on disk with the keys of the settings. Throws `vault_key_wrong`. */
export async function knownKeys(
  folder: string,
  ring: KeyRing | null,
  keys: ConfiguredKeys,
): Promise<KeyRing> {
  if (ring === null && keys.key === undefined && (await secretsFiles(folder)).length > 0) {
    throw wrongKeyError(folder, keyFileMissing)
  }
  const current = chooseKey(ring, keys)
  const all = new Map(ring?.all)
  for (const key of [current, keys.previousKey]) if (key !== undefined) all.set(key.id, key)
  return { current, all, damaged: ring?.damaged ?? new Set() }
}

/** What is left over from writes that were cut off. */
async function removeDrafts(lock: HeldFolder): Promise<void> {
  for (const entry of await readdir(lock.folder, { withFileTypes: true })) {
    if (!entry.name.endsWith(draftSuffix) || entry.isDirectory()) continue
    await lock.requireHeld()
    await rm(join(lock.folder, entry.name), { force: true })
  }
}

/**
 * Encrypts with the current key what is under an older one, then forgets the older ones and notes which files cannot be used. The
 * key file already says which key is current and holds them all: cut off at any time, this starts over. Under the lock.
 *
 * The older keys stay as long as a file cannot be read: it may be whole, and under one of them.
 */
export async function finishRotation(
  lock: HeldFolder,
  ring: KeyRing,
  keys: ConfiguredKeys,
): Promise<FinishedRotation> {
  const { folder } = lock
  const unusable: UnusableFile[] = []
  for (const name of await secretsFiles(folder)) {
    const file = await rewrite(lock, name, ring)
    if (file !== undefined) unusable.push(file)
  }
  const damaged = new Set(unusable.map(({ name }) => name))
  const { current } = ring
  const mayBeNeeded = unusable.some(({ status }) => status === 'unreadable')
  const all = mayBeNeeded ? ring.all : new Map([[current.id, current]])
  const finished = { current, all, damaged }
  const isFinished = ring.all.size === all.size && isSameSet(ring.damaged, damaged)
  if (!isFinished) {
    await lock.requireHeld()
    await writeKeyRing(folder, finished, keys)
  }
  return { ring: finished, unusable }
}

/** Undefined unless the file cannot be used: then it stays as it is, and whoever reads it is told. */
async function rewrite(
  lock: HeldFolder,
  name: string,
  ring: KeyRing,
): Promise<UnusableFile | undefined> {
  const opened = openSealed(await readSealed(lock.folder, name), name, ring)
  if (opened.status === 'open' && opened.keyId !== ring.current.id) {
    await lock.requireHeld()
    await writeSealed(lock.folder, opened.plain, ring)
  }
  return unusableFile(name, opened)
}

/**
 * Throws `vault_key_wrong` when a file may be whole, and under a key that is not here. A damaged file does not count: it names
 * one of the keys but does not open, or opens but for the name of its key, or was found damaged before. Nor does one that cannot be
 * read: its key is not known.
 */
export async function checkKeys(folder: string, ring: KeyRing): Promise<void> {
  const names = await secretsFiles(folder)
  const foreign: { readonly name: string; readonly keyId: string }[] = []
  for (const name of names) {
    const file = await readSealed(folder, name)
    if (file.status !== 'read') continue
    const { bytes } = file
    const keyId = readHeader(bytes)?.keyId
    if (keyId === undefined || ring.all.has(keyId)) continue
    const isDamaged =
      ring.damaged.has(name) || [...ring.all.values()].some((key) => isSealedWith(bytes, name, key))
    if (!isDamaged) foreign.push({ name, keyId })
  }
  const [first] = foreign
  if (first === undefined) return
  const count = `${foreign.length} of ${names.length} ${names.length === 1 ? 'file' : 'files'}`
  const example = `${foreign.length === 1 ? '' : 'such as '}${first.name}, key id ${first.keyId}`
  throw wrongKeyError(folder, `the key of ${count} (${example}) is not here`)
}

function isSameSet(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return some.size === others.size && [...some].every((name) => others.has(name))
}
