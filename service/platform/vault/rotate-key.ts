import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
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
import { openSealed, readSealed, secretsFiles, writeSealed } from './secrets-file.ts'

/** Completes the state that the last process left in the folder, however it ended, and returns the valid keys. Requires the lock. */
export async function prepareFolder(folder: string, keys: ConfiguredKeys): Promise<KeyRing> {
  await removeDrafts(folder)
  const ring = await readKeyRing(folder, keys)
  const files = await secretsFiles(folder)
  if (ring === null && keys.key === undefined && files.length > 0) {
    throw wrongKeyError(folder, keyFileMissing)
  }
  const current = chooseKey(ring, keys)
  const all = new Map(ring?.all)
  for (const key of [current, keys.previousKey]) if (key !== undefined) all.set(key.id, key)
  const known = { current, all, damaged: ring?.damaged ?? new Set() }
  await checkKeys(folder, known)
  if (ring?.current.id !== current.id) await writeKeyRing(folder, known, keys)
  return finishRotation(folder, known, keys)
}

/** What is left over from writes that were cut off. */
async function removeDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(draftSuffix)) await rm(join(folder, name), { force: true })
  }
}

/**
 * Encrypts with the current key what is under an older one, then forgets the older ones and notes which files are damaged. The
 * key file already says which key is current and holds them all: cut off at any time, this starts over. Under the lock.
 */
export async function finishRotation(
  folder: string,
  ring: KeyRing,
  keys: ConfiguredKeys,
): Promise<KeyRing> {
  const damaged = new Set<string>()
  for (const name of await secretsFiles(folder)) {
    if (!(await rewrite(folder, name, ring))) damaged.add(name)
  }
  const all = new Map([[ring.current.id, ring.current]])
  const finished = { current: ring.current, all, damaged }
  const isFinished = ring.all.size === 1 && isSameSet(ring.damaged, damaged)
  if (!isFinished) await writeKeyRing(folder, finished, keys)
  return finished
}

/** False: no key opens the file. It stays as it is, and whoever reads it is told. */
async function rewrite(folder: string, name: string, ring: KeyRing): Promise<boolean> {
  const file = await readSealed(folder, name)
  if (file === null) return true
  const plain = openSealed(file, name, ring)
  if (plain === undefined) return false
  if (readHeader(file)?.keyId !== ring.current.id) await writeSealed(folder, plain, ring)
  return true
}

/**
 * Throws `vault_key_wrong` when a file may be whole, and under a key that is not here. A damaged file does not count: it names
 * one of the keys but does not open, or opens but for the name of its key, or was found damaged before.
 */
export async function checkKeys(folder: string, ring: KeyRing): Promise<void> {
  const names = await secretsFiles(folder)
  const foreign: { readonly name: string; readonly keyId: string }[] = []
  for (const name of names) {
    const file = await readSealed(folder, name)
    const keyId = file === null ? undefined : readHeader(file)?.keyId
    if (file === null || keyId === undefined || ring.all.has(keyId)) continue
    const isDamaged =
      ring.damaged.has(name) || [...ring.all.values()].some((key) => isSealedWith(file, name, key))
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
