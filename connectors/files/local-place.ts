import { createReadStream, type Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { ConnectError } from '../../protocol/index.ts'
import { FileUnreadable, type FileEntry, type FilePlace } from './place.ts'

const pageFiles = 1000
const chunkBytes = 256 * 1024
/** The last that ISO 8601 has without a sign. A file system may hold any number. */
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** The files of a folder of this machine. */
export class LocalPlace implements FilePlace {
  readonly name: string
  readonly #signal: AbortSignal

  constructor(folder: string, signal: AbortSignal) {
    this.name = folder
    this.#signal = signal
  }

  async *list(start: string): AsyncGenerator<readonly FileEntry[]> {
    const root = await this.#root()
    const folder = start.slice(0, start.lastIndexOf('/') + 1)
    let page: FileEntry[] = []
    for await (const path of this.#paths(root, folder)) {
      this.#signal.throwIfAborted()
      const entry = path.startsWith(start) ? await this.#entry(root, path) : undefined
      if (entry !== undefined) page.push(entry)
      if (page.length < pageFiles) continue
      yield page
      page = []
    }
    yield page
  }

  async *read(file: FileEntry, from: number, to: number): AsyncGenerator<Uint8Array> {
    if (from >= to) return
    const path = join(this.name, file.path)
    try {
      const options = { start: from, end: to - 1, highWaterMark: chunkBytes, signal: this.#signal }
      const chunks: AsyncIterable<Uint8Array> = createReadStream(path, options)
      let position = from
      for await (const chunk of chunks) {
        position += chunk.length
        yield chunk
      }
      if (position < to) throw new FileUnreadable('has become shorter', { isOfChange: true })
    } catch (error) {
      throw this.#readFailure(error)
    }
    // A file is written in place: its beginning may be of another version than its end.
    if ((await this.find(file))?.version !== file.version)
      throw new FileUnreadable('has changed while it was read', { isOfChange: true })
  }

  async find({ path }: FileEntry): Promise<FileEntry | undefined> {
    return this.#entry(await this.#root(), path)
  }

  async #root(): Promise<string> {
    try {
      return await realpath(this.name)
    } catch (error) {
      throw this.#refused(error, 'opening the folder')
    }
  }

  /** The paths of all files in a folder below the root, in no order. */
  async *#paths(root: string, folder: string): AsyncGenerator<string> {
    const entries = await this.#entries(join(root, folder))
    for (const entry of entries) {
      const path = `${folder}${entry.name}`
      if (entry.isDirectory()) yield* this.#paths(root, `${path}/`)
      else if (entry.isFile() || entry.isSymbolicLink()) yield path
    }
  }

  async #entries(folder: string): Promise<readonly Dirent[]> {
    try {
      return await readdir(folder, { withFileTypes: true })
    } catch (error) {
      // The folder of a glob may not be there yet.
      if (errorCodeOf(error) === 'ENOENT') return []
      throw this.#refused(error, `listing ${folder}`)
    }
  }

  /** Undefined if it is gone, or a link that leads out of the folder or to a folder. */
  async #entry(root: string, path: string): Promise<FileEntry | undefined> {
    try {
      const real = await realpath(join(root, path))
      const stats = await stat(real, { bigint: true })
      if (!real.startsWith(root + sep) || !stats.isFile()) return undefined
      return {
        key: path,
        path,
        size: Number(stats.size),
        modifiedMs: Math.min(Number(stats.mtimeMs), lastMs),
        version: `${String(stats.mtimeNs)}-${String(stats.size)}`,
      }
    } catch (error) {
      if (errorCodeOf(error) === 'ENOENT') return undefined
      throw this.#refused(error, `looking at ${path}`)
    }
  }

  #readFailure(error: unknown): unknown {
    const code = errorCodeOf(error)
    if (this.#signal.aborted || code === undefined) return error
    return new FileUnreadable(reasons[code] ?? `cannot be opened (${code})`, {
      isOfChange: code === 'ENOENT',
      fix: ['EACCES', 'EPERM'].includes(code)
        ? 'Give the user of this program the right to read the files.'
        : undefined,
    })
  }

  #refused(error: unknown, doing: string): unknown {
    const code = errorCodeOf(error)
    if (code === undefined) return error
    const reason = folderReasons[code] ?? `the system responded with ${code}`
    const fix = `Correct \`folder\` in the configuration of the source, and let the user of this program read it.`
    return new ConnectError('source_files_refused', {
      details: { place: this.name, doing, reason, fix },
    })
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'may not be read by the user of this program',
  EPERM: 'may not be read by the user of this program',
  ENOENT: 'is gone',
}

const folderReasons: Readonly<Record<string, string>> = {
  EACCES: 'the user of this program may not read it',
  ENOENT: 'there is no such folder',
  ENOTDIR: 'it is a file, and no folder',
}
