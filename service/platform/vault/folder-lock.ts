import { randomInt } from 'node:crypto'
import { access, stat, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { ConnectError } from '../../../protocol/index.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'

/** Longer than any holder needs, except one that rotates the key of many secrets. */
const waitMs = 20_000
const sqliteBusy = 5
/** Between two looks of those that want to be next, and of the one that is next, which is alone. */
const pausesMs = { queue: [2, 20], next: [1, 3] } as const

/** A folder that is being restored may get the files of its lock a moment later. */
const restoreMs = 1_000
const restorePauseMs = 50

/**
 * A lock between processes that the operating system releases when its holder dies, in any way: Node has no
 * such lock of its own, but SQLite takes one on its file. The databases stay empty.
 *
 * A process that wants the lock first takes a second lock, which makes it the next holder, and holds it until
 * it has the first. So a process that has just released the lock cannot take it again before a process that
 * waits; without the second lock, that process would only get it if it looked in that instant. When four
 * processes wrote without a pause, one waited up to 7.5 s for a turn of 3 ms; with the second lock 0.2 s
 * (measured 2026-11-27).
 *
 * The folder may be replaced while the files are open, by a person who restores a backup. A lock on a file
 * that is no longer at its path excludes nobody, so each turn compares the two, and opens the files again if
 * they differ. It also opens them again if SQLite refuses a file that is at its path: SQLite remembers where
 * a file was when it was opened, and refuses it for good once its folder was moved, even if the folder came
 * back.
 *
 * Nothing else may open these files: closing one would give up its lock for the whole process (POSIX).
 */
export class FolderLock implements Disposable {
  readonly folder: string
  readonly #files: Record<FileRole, LockFile>
  #last: Promise<unknown> = Promise.resolve()
  /** That hold it, or wait for it, in this process. */
  #turns = 0

  private constructor(files: Record<FileRole, LockFile>) {
    this.folder = dirname(files.lock.path)
    this.#files = files
  }

  static async open(file: string): Promise<FolderLock> {
    const lock = await openLockFile(file)
    try {
      return new FolderLock({ lock, next: await openLockFile(`${file}.next`) })
    } catch (error) {
      lock.database.close()
      throw error
    }
  }

  /** Runs `work` while no other holder does. Do not nest. */
  hold<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#inTurn(async () => {
      await this.#take()
      try {
        return await work()
      } finally {
        this.#rollback('lock')
      }
    })
  }

  /**
   * Throws the errors that `hold` would throw now, without waiting for other holders: a process that has the
   * lock can use it.
   */
  async check(): Promise<void> {
    if (this.#turns > 0) return
    await this.#inTurn(async () => {
      await this.#openReplaced()
      for (const role of ['next', 'lock'] as const)
        if ((await this.#tryBegin(role)) === undefined) this.#rollback(role)
    })
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#turns += 1
    const turn = this.#last.then(work).finally(() => {
      this.#turns -= 1
    })
    this.#last = turn.catch(() => undefined) // the caller gets the error
    return turn
  }

  /**
   * Call it before each change of the folder. Throws `vault_unreachable` if the folder was replaced since
   * this turn began: another process may have the lock of the new folder.
   */
  async requireHeld(): Promise<void> {
    if (await isInPlace(this.#files.lock)) return
    const reason = 'the folder was replaced while it was written to'
    throw new ConnectError('vault_unreachable', { details: { url: this.folder, reason } })
  }

  /** Resolves when all waiting work is done. */
  async waitUntilIdle(): Promise<void> {
    await this.#last
  }

  [Symbol.dispose](): void {
    for (const file of Object.values(this.#files)) close(file)
  }

  async #take(): Promise<void> {
    const giveUpAt = performance.now() + waitMs
    for (;;) {
      await this.#openReplaced()
      await this.#begin('next', { giveUpAt, pauseMs: pausesMs.queue })
      try {
        await this.#begin('lock', { giveUpAt, pauseMs: pausesMs.next })
      } finally {
        this.#rollback('next')
      }
      // It may have been replaced while this waited.
      const isHeld = await isInPlace(this.#files.lock).catch((error: unknown) => {
        this.#rollback('lock')
        throw error
      })
      if (isHeld) return
      this.#rollback('lock')
    }
  }

  async #openReplaced(): Promise<void> {
    const waitUntil = performance.now() + restoreMs
    for (const role of ['lock', 'next'] as const)
      this.#files[role] = await reopenIfReplaced(this.#files[role], waitUntil)
  }

  async #begin(
    role: FileRole,
    {
      giveUpAt,
      pauseMs,
    }: { readonly giveUpAt: number; readonly pauseMs: readonly [number, number] },
  ): Promise<void> {
    for (;;) {
      const busy = await this.#tryBegin(role)
      if (busy === undefined) return
      if (performance.now() > giveUpAt) throw this.#busyError(busy)
      await delay(randomInt(...pauseMs))
    }
  }

  /** Undefined if it has begun; SQLite's error if another process has the file. */
  async #tryBegin(role: FileRole): Promise<Error | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      const { database, path } = this.#files[role]
      try {
        database.exec('BEGIN EXCLUSIVE')
        return undefined
      } catch (error) {
        if (isBusy(error)) return error
        if (attempt > 1) throw lockFileError(path, error)
        this.#files[role] = await reopen(this.#files[role])
      }
    }
  }

  #rollback(role: FileRole): void {
    this.#files[role].database.exec('ROLLBACK')
  }

  #busyError(cause: unknown): ConnectError {
    const reason = `other processes have held its lock for ${String(waitMs / 1000)} s, such as one that rotates the key of many secrets`
    return new ConnectError('vault_unreachable', { details: { url: this.folder, reason }, cause })
  }
}

type FileRole = 'lock' | 'next'

interface LockFile {
  readonly path: string
  /** The identity of the open file, which may no longer be at the path. */
  readonly identity: string
  readonly database: DatabaseSync
}

async function openLockFile(path: string): Promise<LockFile> {
  for (;;) {
    await writeFile(path, '', { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
      if (errorCodeOf(error) !== 'EEXIST') throw error
    })
    const identity = await identityOf(path)
    if (identity === undefined) continue
    const file = { path, identity, database: openDatabase(path) }
    // SQLite does not report which file it opened. While it is open, no other file gets its number.
    if (await isInPlace(file)) return file
    file.database.close()
  }
}

/** The same file if it is the one at its path, else the one that is there now. */
async function reopenIfReplaced(file: LockFile, waitUntil: number): Promise<LockFile> {
  if (await isInPlace(file)) return file
  await waitForFile(file.path, waitUntil)
  const opened = await openLockFile(file.path)
  close(file)
  return opened
}

/** If the file cannot be opened, the next attempt finds a closed one, and opens it. */
function reopen(file: LockFile): Promise<LockFile> {
  close(file)
  return openLockFile(file.path)
}

function close({ database }: LockFile): void {
  if (database.isOpen) database.close()
}

/** Making it at once would be in the way of the program that restores it. Throws if the folder is gone. */
async function waitForFile(path: string, waitUntil: number): Promise<void> {
  while ((await identityOf(path)) === undefined && performance.now() < waitUntil) {
    await access(dirname(path))
    await delay(restorePauseMs)
  }
}

async function isInPlace({ path, identity }: LockFile): Promise<boolean> {
  return (await identityOf(path)) === identity
}

/** Undefined if there is no such file. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true })
    return `${dev}:${ino}`
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw lockFileError(path, error)
  }
}

/** The errors of SQLite name no file. */
function lockFileError(path: string, cause: unknown): ConnectError {
  const problem = cause instanceof Error ? cause.message : String(cause)
  const reason = `its lock file ${basename(path)} cannot be used (${problem})`
  return new ConnectError('vault_unreachable', { details: { url: dirname(path), reason }, cause })
}

function isBusy(error: unknown): error is Error {
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy
}
