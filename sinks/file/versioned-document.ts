import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { syncFolder } from '../../lib/files/replace-file.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { DocumentChange, StoredDocument } from '../bookkeeping/bookkeeping-store.ts'
import { nextWritten, type WrittenDocument, writtenSchema } from '../row-files/written-document.ts'

const firstVersion = 1
/** More processes than that do not write the same document. */
const mostTries = 1_000

/**
 * A document whose versions are files: `manifest-000000012.json`. The newest one counts. A new version is
 * written as a draft and then linked under its name, which fails if another process has taken the name; so of
 * two processes that decide on the same version, one has to decide again. An object store does the same with
 * `If-None-Match: *`.
 *
 * Older versions are deleted. A process that wakes may then link an old number: it finds the newer version
 * right after that, which does not stand on its own, and takes its own back.
 */
export class VersionedDocument<Content> implements StoredDocument<Content> {
  readonly #folder: string
  readonly #name: string
  readonly #schema: z.ZodType<WrittenDocument<Content>>

  constructor(folder: string, name: string, schema: z.ZodType<Content>) {
    this.#folder = folder
    this.#name = name
    this.#schema = writtenSchema(schema)
  }

  async read(): Promise<Content | undefined> {
    const { written } = await this.#newest()
    return written?.content
  }

  async change<Result>(
    decide: (now: Content | undefined) => DocumentChange<Content, Result>,
  ): Promise<Result> {
    for (let tries = 0; tries < mostTries; tries++) {
      const { version, written } = await this.#newest()
      const { result, content } = decide(written?.content)
      if (content === undefined || content === written?.content) return result
      const write = randomUUID()
      if (await this.#take(version + 1, nextWritten(written, write, content))) return result
    }
    throw new ConnectError('destination_folder_unusable', {
      details: { folder: this.#folder, reason: 'other processes change its files all the time' },
    })
  }

  /** False if another process was first. */
  async #take(version: number, written: WrittenDocument<Content>): Promise<boolean> {
    const [write = ''] = written.writes
    await mkdir(this.#folder, { recursive: true })
    const draft = join(this.#folder, `.${this.#name}-${write}.new`)
    const path = this.#path(version)
    await writeDurably(draft, JSON.stringify(written))
    try {
      await link(draft, path)
    } catch (error) {
      if (errorCodeOf(error) === 'EEXIST') return false
      throw error
    } finally {
      await unlink(draft)
    }
    await syncFolder(this.#folder)
    const newest = await this.#newest()
    if (newest.version > version) {
      await unlinkIfThere(path)
      return newest.written?.writes.includes(write) === true
    }
    for (const older of await this.#versions())
      if (older < version) await unlinkIfThere(this.#path(older))
    return true
  }

  /** `written`: undefined if there is none yet. */
  async #newest(): Promise<{
    readonly version: number
    readonly written: WrittenDocument<Content> | undefined
  }> {
    for (;;) {
      const version = Math.max(...(await this.#versions()), firstVersion - 1)
      if (version < firstVersion) return { version, written: undefined }
      const text = await readIfThere(this.#path(version))
      // A newer version has come meanwhile, and this one was deleted.
      if (text !== undefined) return { version, written: this.#parse(text, version) }
    }
  }

  #parse(text: string, version: number): WrittenDocument<Content> {
    try {
      return this.#schema.parse(JSON.parse(text))
    } catch (error) {
      const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
      const details = { file: this.#path(version), problem }
      throw new ConnectError('destination_manifest_damaged', { details, cause: error })
    }
  }

  async #versions(): Promise<readonly number[]> {
    const names = await namesIn(this.#folder)
    return names.flatMap((name) => {
      if (!name.startsWith(`${this.#name}-`)) return []
      const digits = /^(\d{9,})\.json$/.exec(name.slice(this.#name.length + 1))?.[1]
      return digits === undefined ? [] : [Number(digits)]
    })
  }

  #path(version: number): string {
    return join(this.#folder, `${this.#name}-${String(version).padStart(9, '0')}.json`)
  }
}

/** The names in a folder; none if it is not there. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return []
    throw error
  }
}

export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') throw error
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o644)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
