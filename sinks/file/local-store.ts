import { randomUUID } from 'node:crypto'
import { access, mkdir, readdir, rename, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { z } from 'zod'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { syncFolder } from '../../lib/files/replace-file.ts'
import type { StoredDocument } from '../bookkeeping/bookkeeping-store.ts'
import { ownFolder, rejectedFolder } from '../row-files/file-names.ts'
import type { DraftFile, DraftOptions, FileStore, StoredDraft } from '../row-files/file-store.ts'
import { inFolder } from './file-errors.ts'
import { LocalDraft } from './local-draft.ts'
import { namesIn, unlinkIfThere, VersionedDocument } from './versioned-document.ts'

/** A folder of this machine. A draft is published by giving it its name. */
export class LocalStore implements FileStore {
  readonly name: string

  /** @param folder an absolute path */
  constructor(folder: string) {
    this.name = folder
  }

  check(): Promise<void> {
    return this.#do(async () => {
      const folder = join(this.name, ownFolder)
      await mkdir(folder, { recursive: true })
      const probe = join(folder, `.check-${randomUUID()}`)
      await writeFile(probe, '')
      await unlink(probe)
    })
  }

  document<Content>(
    folder: string,
    name: string,
    schema: z.ZodType<Content>,
  ): StoredDocument<Content> {
    const document = new VersionedDocument(join(this.name, folder), name, schema)
    return {
      read: () => this.#do(() => document.read()),
      change: (decide) => this.#do(() => document.change(decide)),
    }
  }

  folders(): Promise<readonly string[]> {
    return this.#do(() => foldersIn(this.name))
  }

  newDraft({ stream, path, id }: DraftOptions): DraftFile {
    return new LocalDraft(this.#draftPath(stream, id), { path, draft: id, parts: [] })
  }

  publish(drafts: readonly StoredDraft[]): Promise<readonly StoredDraft[]> {
    return this.#do(async () => {
      const missing: StoredDraft[] = []
      const folders = new Set<string>()
      for (const draft of drafts) {
        const target = join(this.name, draft.path)
        folders.add(dirname(target))
        await mkdir(dirname(target), { recursive: true })
        if (!(await this.#giveName(draft, target))) missing.push(draft)
      }
      for (const folder of folders) await syncFolder(folder)
      return missing
    })
  }

  deleteDrafts(stream: string, kept: ReadonlySet<string>): Promise<void> {
    return this.#do(async () => {
      const folder = this.#draftPath(stream)
      for (const name of await namesIn(folder))
        if (!kept.has(name)) await unlinkIfThere(join(folder, name))
    })
  }

  files(stream: string): Promise<readonly string[]> {
    return this.#do(async () => {
      const names = await filesIn(join(this.name, stream))
      return names.map((name) => `${stream}/${name}`)
    })
  }

  deleteFiles(paths: readonly string[]): Promise<void> {
    return this.#do(async () => {
      for (const path of paths) await unlinkIfThere(join(this.name, path))
      for (const folder of new Set(paths.map(dirname))) await syncFolder(join(this.name, folder))
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  /** False if there is neither the draft nor the file. */
  async #giveName({ path, draft }: StoredDraft, target: string): Promise<boolean> {
    const [stream = ''] = path.split('/')
    try {
      await rename(this.#draftPath(stream, draft), target)
      return true
    } catch (error) {
      if (errorCodeOf(error) !== 'ENOENT') throw error
      // It may have its name already.
      return access(target).then(
        () => true,
        () => false,
      )
    }
  }

  #draftPath(stream: string, id = ''): string {
    return join(this.name, stream, ownFolder, 'drafts', id)
  }

  #do<Result>(work: () => Promise<Result>): Promise<Result> {
    return inFolder(this.name, work)
  }
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (errorCodeOf(error) === 'ENOENT') return []
    throw error
  })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

/** The paths of the files in a folder and in those below, but not in ours. */
async function filesIn(folder: string): Promise<readonly string[]> {
  let entries
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return []
    throw error
  }
  const found = await Promise.all(
    entries.map(async (entry): Promise<readonly string[]> => {
      const { name } = entry
      if (name === ownFolder || name === rejectedFolder) return []
      if (!entry.isDirectory()) return [name]
      return (await filesIn(join(folder, name))).map((path) => `${name}/${path}`)
    }),
  )
  return found.flat()
}
