import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FolderLock } from './folder-lock.ts'
import {
  chooseKey,
  missingKeyFile,
  readKeyRing,
  writeKeyRing,
  type ConfiguredKeys,
  type KeyRing,
} from './key-ring.ts'
import { draftSuffix } from '../../../lib/files/replace-file.ts'
import { checkKeys, keysThatSealed } from './check-keys.ts'
import { readHeader } from './sealed-secrets.ts'
import {
  openSealed,
  readSealed,
  secretsFiles,
  setAsideFiles,
  unusableFile,
  writeSealed,
  writeSetAside,
  type StoredFile,
  type UnusableFile,
} from './secrets-file.ts'

/** A folder whose lock this process has. */
export type HeldFolder = Pick<FolderLock, 'folder' | 'requireHeld'>

/** The keys once a rotation has ended, and the files that it could not encrypt. */
export interface FinishedRotation {
  readonly ring: KeyRing
  readonly unusable: readonly UnusableFile[]
  /** Files that were set aside and still cannot be used: an older key stays for each. */
  readonly setAside: readonly UnusableFile[]
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
  await checkKeys(folder, known, keys)
  if (ring?.current.id === known.current.id) return finishRotation(lock, known, keys)
  const { previousKey } = keys
  const changingFrom = previousKey === undefined ? [] : [previousKey.id]
  const changing = { ...known, changingFrom: new Set(changingFrom) }
  await lock.requireHeld()
  await writeKeyRing(folder, changing, keys)
  return finishRotation(lock, changing, keys)
}

/** The ring on disk with the keys of the settings. Throws `vault_key_wrong`. */
export async function knownKeys(
  folder: string,
  ring: KeyRing | null,
  keys: ConfiguredKeys,
): Promise<KeyRing> {
  if (ring === null && keys.key === undefined && (await secretsFiles(folder)).length > 0) {
    throw missingKeyFile(folder)
  }
  const current = chooseKey(ring, keys)
  const all = new Map(ring?.all)
  for (const key of [current, keys.previousKey]) if (key !== undefined) all.set(key.id, key)
  const { damaged, changingFrom } = ring ?? { damaged: new Set(), changingFrom: new Set() }
  return { current, all, damaged, changingFrom }
}

/** Removes the files that interrupted writes left behind. */
async function removeDrafts(lock: HeldFolder): Promise<void> {
  for (const entry of await readdir(lock.folder, { withFileTypes: true })) {
    if (!entry.name.endsWith(draftSuffix) || entry.isDirectory()) continue
    await lock.requireHeld()
    await rm(join(lock.folder, entry.name), { force: true })
  }
}

/**
 * Encrypts the secrets under an older key with the current key, then forgets the older keys and notes which
 * files cannot be used. The key file already says which key is current and holds them all: if this is
 * interrupted at any time, it starts over. Under the lock.
 *
 * The older keys stay as long as a file cannot be read: it may be whole, and under one of them. So does the
 * key of a file that was set aside.
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
  const { setAside, needed } = await rewriteSetAside(lock, ring)
  const damaged = new Set(unusable.map(({ name }) => name))
  const mayBeNeeded = unusable.some(({ status }) => status === 'unreadable')
  const { current } = ring
  const kept = [...ring.all].filter(([id]) => mayBeNeeded || id === current.id || needed.has(id))
  const all = new Map(kept)
  const changingFrom = new Set([...ring.changingFrom].filter((id) => all.has(id)))
  const finished = { current, all, damaged, changingFrom }
  const isFinished =
    ring.all.size === all.size &&
    isSameSet(ring.damaged, damaged) &&
    isSameSet(ring.changingFrom, changingFrom)
  if (!isFinished) {
    await lock.requireHeld()
    await writeKeyRing(folder, finished, keys)
  }
  return { ring: finished, unusable, setAside }
}

/**
 * Somebody may mend a file that was set aside and put it back: it gets the current key, and if that fails,
 * the older key that it needs stays.
 */
async function rewriteSetAside(
  lock: HeldFolder,
  ring: KeyRing,
): Promise<{ readonly setAside: readonly UnusableFile[]; readonly needed: ReadonlySet<string> }> {
  const setAside: UnusableFile[] = []
  const needed = new Set<string>()
  for (const { name, originalName } of await setAsideFiles(lock.folder)) {
    const file = await readSealed(lock.folder, name)
    const opened = openSealed(file, originalName, ring)
    if (opened.status === 'open' && opened.keyId !== ring.current.id) {
      await lock.requireHeld()
      await writeSetAside(lock.folder, name, { plain: opened.plain, ring })
    }
    const unusable = unusableFile(name, opened)
    const olderKeys = keysOf(file, originalName, ring).filter((id) => id !== ring.current.id)
    if (unusable === undefined || olderKeys.length === 0) continue
    setAside.push(unusable)
    for (const id of olderKeys) needed.add(id)
  }
  return { setAside, needed }
}

/** Ids of the keys that a file that does not open may be encrypted with. */
function keysOf(file: StoredFile, name: string, ring: KeyRing): readonly string[] {
  if (file.status === 'absent') return []
  if (file.status === 'unreadable') return [...ring.all.keys()]
  const { bytes } = file
  const named = readHeader(bytes)?.keyId
  if (named !== undefined && ring.all.has(named)) return [named]
  return keysThatSealed(bytes, name, ring)
}

/** Undefined unless the file cannot be used: then it stays as it is, and reading it throws an error. */
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

function isSameSet(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return some.size === others.size && [...some].every((name) => others.has(name))
}
