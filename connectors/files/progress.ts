import { createHash } from 'node:crypto'
import { z } from 'zod'
import { ConnectError, type JsonValue } from '../../protocol/index.ts'
import { firstRow, type RowPosition } from '../../rows/row-source.ts'
import type { FileEntry } from './place.ts'

const version = z.strictObject({ key: z.string(), version: z.string() })
const moment = z.strictObject({ modified_ms: z.number(), key: z.string() })

/**
 * How far a stream is read: all files up to `frontier`, in the order of their times and keys. `recent` are
 * those of them (and of later ones) that are too new for the frontier alone to say so: another file may
 * still appear beside them. 14 bytes each, base64: the time, and a hash of key and version. At or before
 * `floor_ms` no file is looked for any more. A file that is dated in the future is only in `recent`: the
 * frontier would hide all files that come before its time. The rows of a failed file are those before the
 * damage, which are written.
 */
const filesState = z.strictObject({
  kind: z.literal('files'),
  frontier: moment.nullable(),
  floor_ms: z.number(),
  recent: z.string(),
  failed: z.array(z.strictObject({ ...version.shape, rows: z.number().exactOptional() })),
  reading: z
    .strictObject({ ...version.shape, rows: z.number(), offset: z.number().exactOptional() })
    .nullable(),
})
type FilesState = z.infer<typeof filesState>
type FailedFile = Omit<FilesState['failed'][number], 'key'>

const timeBytes = 6
const hashBytes = 8
const entryBytes = timeBytes + hashBytes
/** 76 KB in a state. */
const mostRecent = 4_096
/** A stream with more has another problem. */
const mostFailed = 1_000

const nothing: FilesState = {
  kind: 'files',
  frontier: null,
  floor_ms: -1,
  recent: '',
  failed: [],
  reading: null,
}

export interface ProgressOptions {
  readonly stream: string
  readonly lateMs: number
  readonly now: () => number
}

/** How far the files of a stream are read. Its size is bounded, however many files there are. */
export class Progress {
  readonly #stream: string
  readonly #lateMs: number
  readonly #now: () => number
  /** Beyond it, `recent` is cut. Higher while most of it cannot be. */
  #cutFrom = mostRecent
  #frontier: FilesState['frontier']
  #floorMs: number
  /** By the hash: the time. */
  readonly #recent: Map<string, number>
  /** By the key. */
  readonly #failed: Map<string, FailedFile>
  #reading: FilesState['reading']

  /** Throws `source_state_invalid`. */
  constructor(state: JsonValue | null, { stream, lateMs, now }: ProgressOptions) {
    const parsed = state === null ? nothing : parseState(state, stream)
    this.#stream = stream
    this.#lateMs = lateMs
    this.#now = now
    // Earlier releases let a file that is dated in the future set both.
    this.#frontier = capped(parsed.frontier, now())
    this.#floorMs = Math.min(parsed.floor_ms, now())
    this.#recent = new Map(entriesIn(parsed.recent))
    this.#failed = new Map(parsed.failed.map(({ key, ...failed }) => [key, failed]))
    this.#reading = parsed.reading
  }

  /** The file that was being read, and where. */
  get reading(): FilesState['reading'] {
    return this.#reading
  }

  /** The rows of this version that are written. */
  positionIn({ key, version: read }: FileEntry): RowPosition {
    const reading = this.#reading
    if (reading?.key === key && reading.version === read) return reading
    const failed = this.#failed.get(key)
    return failed?.version === read ? { rows: failed.rows ?? 0 } : firstRow
  }

  /** Whether a file is to be read. */
  isPending(file: FileEntry): boolean {
    if (this.#recent.has(hashOf(file))) return false
    if (this.#failed.has(file.key) || isAfter(file, this.#frontier)) return true
    return file.modifiedMs > this.#lateFrom
  }

  /** Rows of the file are written up to this position. */
  at({ key, version: read }: FileEntry, { rows, offset }: RowPosition): void {
    this.#reading = { key, version: read, rows, ...(offset !== undefined && { offset }) }
  }

  /** `listed`: the file has been read, or is not worth another attempt. `read`: the version that was read. */
  done(listed: FileEntry, read: FileEntry): void {
    this.#reading = null
    this.#failed.delete(listed.key)
    this.#note(listed)
    this.#note(read)
    this.#advance(listed)
  }

  /** The next read tries the file again. Throws `source_files_failed` if there are too many of them. */
  failed(listed: FileEntry): void {
    const reading = this.#reading
    const before = this.#failed.get(listed.key)
    if (reading?.key === listed.key)
      this.#failed.set(listed.key, { version: reading.version, rows: reading.rows })
    else if (before?.version !== listed.version)
      this.#failed.set(listed.key, { version: listed.version })
    this.#reading = null
    this.#advance(listed)
    if (this.#failed.size <= mostFailed) return
    const files = [...this.#failed.keys()].slice(0, 3).join(', ')
    throw new ConnectError('source_files_failed', {
      details: { stream: this.#stream, count: this.#failed.size, files: `${files}, …` },
    })
  }

  /** Forgets failed files that are gone. */
  forgetAllBut(keys: ReadonlySet<string>): void {
    for (const key of this.#failed.keys()) if (!keys.has(key)) this.#failed.delete(key)
  }

  get failedKeys(): ReadonlySet<string> {
    return new Set(this.#failed.keys())
  }

  get state(): FilesState {
    return {
      kind: 'files',
      frontier: this.#frontier,
      floor_ms: this.#floorMs,
      recent: textOfEntries(this.#recent),
      failed: [...this.#failed].map(([key, failed]) => ({ key, ...failed })),
      reading: this.#reading,
    }
  }

  /** Before it, a file that appears late is not found. */
  get #lateFrom(): number {
    const newest = this.#frontier?.modified_ms ?? 0
    return Math.max(this.#floorMs, newest - this.#lateMs - 1)
  }

  #note(file: FileEntry): void {
    this.#recent.set(hashOf(file), file.modifiedMs)
  }

  #advance({ modifiedMs, key }: FileEntry): void {
    const now = this.#now()
    if (modifiedMs <= now && isAfter({ modifiedMs, key }, this.#frontier))
      this.#frontier = { modified_ms: modifiedMs, key }
    const from = this.#lateFrom
    for (const [hash, timeMs] of this.#recent) if (timeMs <= from) this.#recent.delete(hash)
    if (this.#recent.size <= this.#cutFrom) return
    const oldest = [...this.#recent].sort(([, left], [, right]) => left - right)
    for (const [hash, timeMs] of oldest.slice(0, this.#recent.size - mostRecent / 2)) {
      // A version that is newer than the frontier is known by nothing else.
      if (timeMs > Math.min(modifiedMs, now)) break
      this.#recent.delete(hash)
      this.#floorMs = Math.max(this.#floorMs, timeMs)
    }
    this.#cutFrom = Math.max(mostRecent, this.#recent.size * 2)
  }
}

function capped(frontier: FilesState['frontier'], nowMs: number): FilesState['frontier'] {
  return frontier === null || frontier.modified_ms <= nowMs
    ? frontier
    : { ...frontier, modified_ms: nowMs }
}

function isAfter(
  { modifiedMs, key }: Pick<FileEntry, 'modifiedMs' | 'key'>,
  frontier: FilesState['frontier'],
): boolean {
  if (frontier === null || modifiedMs > frontier.modified_ms) return true
  return modifiedMs === frontier.modified_ms && key > frontier.key
}

function hashOf({ key, version: read, modifiedMs }: FileEntry): string {
  const text = JSON.stringify([key, read, modifiedMs])
  return createHash('sha256').update(text).digest().toString('base64', 0, hashBytes)
}

function entriesIn(recent: string): [hash: string, timeMs: number][] {
  const bytes = Buffer.from(recent, 'base64')
  return Array.from({ length: Math.floor(bytes.length / entryBytes) }, (_, index) => {
    const start = index * entryBytes
    const hashAt = start + timeBytes
    const hash = bytes.toString('base64', hashAt, hashAt + hashBytes)
    return [hash, bytes.readUIntBE(start, timeBytes)]
  })
}

function textOfEntries(recent: ReadonlyMap<string, number>): string {
  const bytes = Buffer.alloc(recent.size * entryBytes)
  let start = 0
  for (const [hash, timeMs] of recent) {
    bytes.writeUIntBE(Math.max(0, timeMs), start, timeBytes)
    bytes.write(hash, start + timeBytes, 'base64')
    start += entryBytes
  }
  return bytes.toString('base64')
}

function parseState(state: JsonValue, stream: string): FilesState {
  const parsed = filesState.safeParse(state)
  if (parsed.success) return parsed.data
  const reason = 'it is not a state of a source of files'
  throw new ConnectError('source_state_invalid', { details: { stream, reason } })
}
