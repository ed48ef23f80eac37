import { lstatSync, mkdirSync, realpathSync, statSync, type Stats } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { errorCodeOf } from '../lib/files/error-code.ts'
import type { Environment } from '../plan/environment.ts'

/**
 * Modules that are imported from here on, in all threads, load faster the next time. Node runs the code that
 * it finds in the cache without a check, and its default place is a name in /tmp that anybody may take first.
 * So the cache has a folder that only this user can write, or there is no cache. A place that the user chose
 * by NODE_COMPILE_CACHE stays: Node has already taken it.
 */
export function enableCompileCache(environment: Environment): void {
  if (module.getCompileCacheDir() !== undefined) return
  const folder = ownCacheFolder(environment)
  if (folder !== undefined) module.enableCompileCache(folder)
}

/**
 * `reactor-connect` in `$XDG_CACHE_HOME`, else in `~/.cache`. Undefined if that cannot be made, or if others
 * could write there.
 */
export function ownCacheFolder({ XDG_CACHE_HOME: chosen = '' }: Environment): string | undefined {
  const folder = join(isAbsolute(chosen) ? chosen : join(homedir(), '.cache'), 'reactor-connect')
  try {
    makeFolder(dirname(folder))
    makeFolder(folder)
    const isOwnFolder = isOwn(lstatSync(folder)) && arePathsClosed(realpathSync(dirname(folder)))
    return isOwnFolder ? folder : undefined
  } catch (error) {
    if (errorCodeOf(error) === undefined) throw error
    // No home, a read-only disk, a file in its place: the program runs without a cache.
    return undefined
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST') throw error
  }
}

const writableByOthers = 0o022
const sticky = 0o1000

/**
 * A folder and no link to one, of this user alone. Windows has neither owner nor mode here, and a home that
 * is closed to others.
 */
function isOwn(stats: Stats): boolean {
  if (!stats.isDirectory()) return false
  const user = process.getuid?.()
  return user === undefined || (stats.uid === user && (stats.mode & writableByOthers) === 0)
}

/** Nobody but this user and root can put another folder in the place of one on the way. */
function arePathsClosed(path: string): boolean {
  const user = process.getuid?.()
  if (user === undefined) return true
  for (let folder = path; ; folder = dirname(folder)) {
    const { uid, mode } = statSync(folder)
    const isOpen = (mode & writableByOthers) !== 0 && (mode & sticky) === 0
    if (isOpen || (uid !== user && uid !== 0)) return false
    if (dirname(folder) === folder) return true
  }
}
