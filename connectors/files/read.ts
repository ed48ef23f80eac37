import { ConnectError, type AirbyteStream } from '../../protocol/index.ts'
import { MalformedRows } from '../../rows/malformed-rows.ts'
import type { ConnectorContext, ReadTask, RecordOutput } from '../connector.ts'
import type { FilesConfig } from './config.ts'
import { FileRecords, ownProperties } from './file-records.ts'
import { FileRows } from './file-rows.ts'
import { streamNamed, type StreamFiles } from './file-streams.ts'
import { pendingFiles } from './pending-files.ts'
import { FileUnreadable, type FileEntry, type FilePlace } from './place.ts'
import { Progress } from './progress.ts'

/** Rows between two states. */
const stateRows = 20_000
/** Records that are written at once. */
const batchRows = 1_000
/** A file that has changed so often while it was read is left to the next run. */
const mostVersions = 3
/** Names of files in an error. */
const mostNamed = 5
/** Clocks of servers differ by less. */
const clockMs = 5 * 60_000

/** Reads the files of a stream that its state does not cover, one after the other. */
export async function readFiles(
  task: ReadTask,
  out: RecordOutput,
  context: ConnectorContext,
  source: { readonly place: FilePlace; readonly config: FilesConfig },
): Promise<'complete' | 'stopped'> {
  const { stream } = task.stream
  const files = streamNamed(source.config, stream.name)
  if (files === undefined)
    throw new ConnectError('source_stream_missing', { details: { stream: stream.name } })
  const progress = new Progress(task.state, {
    stream: stream.name,
    lateMs: source.config.late_minutes * 60_000,
    now: () => context.now(),
  })
  return new FilesRead({ ...source, files, stream, progress, out, context }).run()
}

interface FilesReadOptions {
  readonly place: FilePlace
  readonly config: FilesConfig
  readonly files: StreamFiles
  /** As it is configured. */
  readonly stream: AirbyteStream
  readonly progress: Progress
  readonly out: RecordOutput
  readonly context: ConnectorContext
}

/** One file cannot be read. */
type FileFailure = FileUnreadable | MalformedRows

class FilesRead {
  readonly #options: FilesReadOptions
  readonly #failures: string[] = []
  /** Keys of files that failed in this read: not again in the same one. */
  readonly #tried = new Set<string>()
  #rows = 0

  constructor(options: FilesReadOptions) {
    this.#options = options
  }

  async run(): Promise<'complete' | 'stopped'> {
    const { out, progress, context } = this.#options
    try {
      if (!context.signal.aborted) await this.#readAll()
    } catch (error) {
      // The read stands between two batches: everything up to there is written.
      if (!context.signal.aborted) throw error
    }
    await out.state(progress.state)
    if (context.signal.aborted) return 'stopped'
    if (this.#failures.length > 0) throw this.#failed()
    return 'complete'
  }

  async #readAll(): Promise<void> {
    const { place, files, progress, context } = this.#options
    for (let isCut = true; isCut;) {
      const failedBefore = progress.failedKeys
      const found = await pendingFiles(files.list(place), progress, failedBefore)
      progress.forgetAllBut(new Set([...found.seen, ...this.#tried]))
      isCut = found.isCut
      this.#warnOfFuture(found.files)
      for (const file of this.#begunFirst(found.files)) {
        if (this.#tried.has(file.key)) continue
        await this.#readFile(file)
        if (context.signal.aborted) return
      }
    }
  }

  /** The state has room for the position in one file. */
  #begunFirst(files: readonly FileEntry[]): FileEntry[] {
    const { reading } = this.#options.progress
    const begun = files.filter(({ key }) => key === reading?.key)
    return begun.length === 0 ? [...files] : [...new Set([...begun, ...files])]
  }

  /** Reads a file as it is now, again if it changes meanwhile. */
  async #readFile(listed: FileEntry): Promise<void> {
    const { place, progress, context } = this.#options
    let file: FileEntry | undefined = listed
    for (let versions = 1; file !== undefined; versions++) {
      try {
        await this.#readVersion(file)
        if (!context.signal.aborted) await this.#end(listed, file)
        return
      } catch (error) {
        if (context.signal.aborted || !isOfFile(error)) throw error
        const isOfChange = error instanceof FileUnreadable && error.isOfChange
        if (!isOfChange || versions >= mostVersions) {
          await this.#fail(listed, error)
          return
        }
        file = await place.find(file)
        this.#warnOfChange(listed, file)
      }
    }
    progress.done(listed, listed)
  }

  async #readVersion(file: FileEntry): Promise<void> {
    const { place, files, stream, progress, context } = this.#options
    const from = progress.positionIn(file)
    const records = new FileRecords(files.stream, stream, file)
    const rows = new FileRows(place, file, files.stream)
    for await (const batch of rows.rows(from, ownProperties(stream))) {
      const made = records.of(batch)
      for (let start = 0; start < made.length; start += batchRows)
        await this.#options.out.records(made.slice(start, start + batchRows))
      progress.at(file, batch.next)
      await this.#count(made.length)
      if (context.signal.aborted) return
    }
  }

  async #count(rows: number): Promise<void> {
    this.#rows += rows
    if (this.#rows < stateRows) return
    this.#rows = 0
    await this.#options.out.state(this.#options.progress.state)
  }

  async #end(listed: FileEntry, read: FileEntry): Promise<void> {
    this.#options.progress.done(listed, read)
    // Many small files are one unit.
    await this.#count(100)
  }

  async #fail(listed: FileEntry, error: FileFailure): Promise<void> {
    const { config, progress, context } = this.#options
    const reason = `${listed.key}: it ${error.message}`
    if (config.on_file_error === 'skip') {
      progress.done(listed, listed)
      context.warn?.(`a file could not be read and is left out: ${reason}`)
      return
    }
    this.#tried.add(listed.key)
    this.#failures.push(reason)
    progress.failed(listed)
    context.logger.warn({ file: listed.key, reason: error.message }, 'a file cannot be read')
    await this.#count(0)
  }

  #warnOfFuture(files: readonly FileEntry[]): void {
    const { context } = this.#options
    const future = files.filter(({ modifiedMs }) => modifiedMs > context.now() + clockMs)
    const [first] = future
    if (first === undefined) return
    const others = future.length === 1 ? '' : ` (and ${String(future.length - 1)} more files)`
    const time = new Date(first.modifiedMs).toISOString()
    context.warn?.(
      `${first.key}${others} is dated in the future (${time}): it is read now, and does not count as the newest file; correct the clock of the machine that writes it`,
    )
  }

  #warnOfChange({ key }: FileEntry, now: FileEntry | undefined): void {
    const { reading } = this.#options.progress
    const written = reading?.key === key ? reading.rows : 0
    const rows = `${String(written)} rows of its earlier version were written before`
    if (now !== undefined)
      this.#options.context.warn?.(
        `${key} changed while it was read, and is read again from its beginning; ${rows}`,
      )
    else if (written > 0)
      this.#options.context.warn?.(`${key} was deleted while it was read; ${rows}`)
  }

  #failed(): ConnectError {
    const count = this.#failures.length
    const more = count > mostNamed ? `; and ${String(count - mostNamed)} more` : ''
    const files = this.#failures.slice(0, mostNamed).join('; ') + more
    return new ConnectError('source_files_failed', {
      details: { stream: this.#options.stream.name, count, files },
    })
  }
}

function isOfFile(error: unknown): error is FileFailure {
  return error instanceof FileUnreadable || error instanceof MalformedRows
}
