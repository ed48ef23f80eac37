import { createHash } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { KeyRing } from './key-ring.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'
import { readRegularFile } from '../../../lib/files/read-regular-file.ts'
import { draftSuffix, replaceFile, syncFolder } from '../../../lib/files/replace-file.ts'
import { readHeader, seal, unseal, type Plain } from './sealed-secrets.ts'
import { checkPath } from './vault.ts'

const suffix = '.secrets'
/** Between the name of a file that was replaced although it could not be used, and the time of that. */
const asideMark = '.replaced-'

/** A hash, so that no path is too long for the file system, or differs from another only in case. */
export function fileNameOf(path: string): string {
  return createHash('sha256').update(checkPath(path)).digest('hex') + suffix
}

/** Whether the name is one of a file with secrets, also of one that was set aside. */
export function isNameOfSecrets(name: string): boolean {
  return name.endsWith(suffix) || name.includes(suffix + asideMark)
}

export async function secretsFiles(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(suffix))
}

/**
 * The file that the folder has under a name. An unreadable file may be whole: the system does not let this
 * process read it, at least not now.
 */
export type StoredFile =
  | { readonly status: 'absent' }
  | { readonly status: 'read'; readonly bytes: Buffer }
  | { readonly status: 'unreadable'; readonly reason: string }

/**
 * Errors that concern this file alone. Others, such as too many open files, concern the process, and are
 * thrown.
 */
const reasonsOfOneFile: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  EISDIR: 'a folder is in its place',
  ELOOP: 'a symbolic link is in its place',
  EIO: 'the disk cannot read it',
  ENXIO: 'something that is no file is in its place',
  EBADMSG: 'the file system is damaged there',
  EUCLEAN: 'the file system is damaged there',
  ESTALE: 'the file server does not know it any more',
}

export async function readSealed(folder: string, name: string): Promise<StoredFile> {
  try {
    const { bytes, uid } = await readRegularFile(join(folder, name))
    const owner = await stat(folder)
    if (uid === owner.uid) return { status: 'read', bytes }
    const reason = `it belongs to user ${uid}, not to ${owner.uid} like the folder`
    return { status: 'unreadable', reason }
  } catch (error) {
    const code = errorCodeOf(error) ?? ''
    if (code === 'ENOENT') return { status: 'absent' }
    const reason = reasonsOfOneFile[code]
    if (reason === undefined) throw error
    return { status: 'unreadable', reason: `${reason} (${code})` }
  }
}

export function isSameFile(left: StoredFile, right: StoredFile): boolean {
  if (left.status === 'read' && right.status === 'read') return left.bytes.equals(right.bytes)
  return isDeepStrictEqual(left, right)
}

/** Durable when it resolves. Requires the lock. */
export function writeSealed(folder: string, plain: Plain, ring: KeyRing): Promise<void> {
  return replaceFile(join(folder, plain.name), seal(plain, ring.current))
}

/** As `writeSealed`, and the old file stays under another name. Requires the lock. */
export function writeBeside(folder: string, plain: Plain, ring: KeyRing): Promise<void> {
  const file = join(folder, plain.name)
  const keptAs = `${file}${asideMark}${String(Date.now())}`
  return replaceFile(file, seal(plain, ring.current), { keptAs })
}

/**
 * A file that was replaced although it could not be used, and the name that it had: a person may rename it
 * back.
 */
export interface SetAsideFile {
  readonly name: string
  readonly originalName: string
}

export async function setAsideFiles(folder: string): Promise<readonly SetAsideFile[]> {
  return (await readdir(folder)).flatMap((name) => {
    const end = name.indexOf(suffix + asideMark)
    if (end === -1 || name.endsWith(draftSuffix)) return []
    return [{ name, originalName: name.slice(0, end) + suffix }]
  })
}

/** Replaces a file that was set aside; it stays one. Durable when it resolves. Requires the lock. */
export function writeSetAside(
  folder: string,
  name: string,
  { plain, ring }: { readonly plain: Plain; readonly ring: KeyRing },
): Promise<void> {
  return replaceFile(join(folder, name), seal(plain, ring.current))
}

/** `damaged`: none of the keys opens it. */
export type OpenedFile =
  | { readonly status: 'absent' }
  | { readonly status: 'open'; readonly plain: Plain; readonly keyId: string }
  | { readonly status: 'damaged'; readonly reason: string }
  | { readonly status: 'unreadable'; readonly reason: string }

export function openSealed(file: StoredFile, name: string, ring: KeyRing): OpenedFile {
  if (file.status !== 'read') return file
  const keyId = readHeader(file.bytes)?.keyId
  const key = ring.all.get(keyId ?? '')
  if (keyId !== undefined && key === undefined)
    return { status: 'damaged', reason: `its key (id ${keyId}) is not here` }
  const plain = key === undefined ? undefined : unseal(file.bytes, name, key)
  if (keyId === undefined || plain === undefined)
    return { status: 'damaged', reason: 'it was changed outside of the vault, or damaged' }
  return { status: 'open', plain, keyId }
}

/** A file that cannot be used: no key opens it, or it cannot be read. */
export interface UnusableFile {
  readonly name: string
  readonly status: 'damaged' | 'unreadable'
  readonly reason: string
}

/** Undefined if the file can be used, or is not there. */
export function unusableFile(name: string, opened: OpenedFile): UnusableFile | undefined {
  return 'reason' in opened ? { name, ...opened } : undefined
}

/**
 * Durable when it resolves; a file that was set aside is removed with the one that replaced it. Requires the
 * lock.
 */
export async function removeSecrets(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (entry !== name && !entry.startsWith(name + asideMark)) continue
    // Even a folder, if one is in its place.
    await rm(join(folder, entry), { force: true, recursive: true })
  }
  await syncFolder(folder)
}
