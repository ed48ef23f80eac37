import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { errorCodeOf } from '../../../lib/files/error-code.ts'

/** Longer than any holder needs, except one that rotates the key of many secrets. */
const waitMs = 20_000
const sqliteBusy = 5

/**
 * A lock between processes that the operating system releases when its holder dies, in any way: Node has no such lock of its own, but
 * SQLite takes one on its file. The database stays empty.
 *
 * Nothing else may open that file: closing it would give up the lock of the whole process (POSIX).
 */
export class FolderLock implements Disposable {
  readonly #database: DatabaseSync
  #last: Promise<unknown> = Promise.resolve()

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  static async open(file: string): Promise<FolderLock> {
    await writeFile(file, '', { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
      if (errorCodeOf(error) !== 'EEXIST') throw error
    })
    return new FolderLock(new DatabaseSync(file, { timeout: 0 }))
  }

  /** Runs `work` while no other holder does. Do not nest. */
  async hold<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(async () => {
      await this.#take()
      try {
        return await work()
      } finally {
        this.#database.exec('ROLLBACK')
      }
    })
    this.#last = turn.catch(() => undefined) // `hold` passes the error to its caller
    return turn
  }

  /** Resolves when all waiting work is done. */
  async waitUntilIdle(): Promise<void> {
    await this.#last
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  async #take(): Promise<void> {
    const giveUpAt = performance.now() + waitMs
    for (;;) {
      try {
        this.#database.exec('BEGIN EXCLUSIVE')
        return
      } catch (error) {
        if (!isBusy(error) || performance.now() > giveUpAt) throw error
        await delay(randomInt(2, 20))
      }
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy
}
