import type { Column } from '../../protocol/index.ts'
import type { StoredDocument } from '../bookkeeping/bookkeeping-store.ts'
import { commitLane } from '../bookkeeping/syncs.ts'
import { requireNewest, requireOwn } from '../bookkeeping/runs.ts'
import type { LaneOptions } from '../destination-kind.ts'
import { isOverwriteMode } from '../continuation.ts'
import { LaneProgress } from '../lane-progress.ts'
import { nameRejection } from '../named-losses.ts'
import type { LaneCheckpoint, LaneStats, Loss, RecordBlock, SinkLane } from '../sink.ts'
import type { FileOptions } from './file-options.ts'
import { fileName, rejectedFolder, streamFolder } from './file-names.ts'
import type { DraftFile, FileStore } from './file-store.ts'
import { extensionOf, openEncoder } from './formats/open-encoder.ts'
import type { RowEncoder } from './formats/row-format.ts'
import { type CommittedFile, type Manifest, manifestIn, publishable, runsOf } from './manifest.ts'
import { type FindFolder, partitionFolders } from './partition-folder.ts'
import { publishFiles } from './settle-files.ts'
import { TransactionFiles, type WrittenFile } from './transaction-files.ts'

/** Lines of rejected records wait in memory up to this size. */
const rejectedBytes = 256 * 1024
/** A transaction whose rows are spread over partitions may have so many times the size of a file. */
const partitionsInOne = 8

/** Throws `fenced` if a newer `begin` took over. */
export async function openFilesLane(
  store: FileStore,
  options: FileOptions,
  lane: LaneOptions,
): Promise<SinkLane> {
  const opened = new FilesLane(store, options, lane)
  await opened.open()
  return opened
}

type Rejected = Parameters<SinkLane['reject']>[0]

interface Columns {
  readonly columns: readonly Column[]
  readonly encoder: RowEncoder
  readonly folderOf: FindFolder
}

/**
 * Writes the records of a transaction into drafts. The commit is the next version of the manifest, which has
 * the drafts with states, counts and position; the files are published then.
 */
class FilesLane implements SinkLane {
  readonly #store: FileStore
  readonly #options: FileOptions
  readonly #lane: LaneOptions
  readonly #stream: string
  readonly #manifest: StoredDocument<Manifest>
  readonly #progress: LaneProgress
  readonly #published = new Set<string>()
  #columns: Columns | undefined
  #files: TransactionFiles | undefined
  #rejected:
    { readonly draft: DraftFile; waiting: Buffer[]; bytes: number; records: number } | undefined
  /** Numbers of files that the lane has used, and those of committed ones among them. */
  #used = { open: 0, committed: 0 }
  #losses: Loss[] = []
  #copyMs = 0

  constructor(store: FileStore, options: FileOptions, lane: LaneOptions) {
    this.#store = store
    this.#options = options
    this.#lane = lane
    this.#stream = streamFolder(lane.sync.streamId)
    this.#manifest = manifestIn(store, this.#stream)
    this.#progress = new LaneProgress(lane.sync)
  }

  async open(): Promise<void> {
    const { facts } = await this.#requireOwn()
    const used = facts.used[this.#lane.partition] ?? 0
    this.#used = { open: used, committed: used }
  }

  async setColumns(columns: readonly Column[]): Promise<void> {
    if (this.#progress.counts.size > 0)
      throw new TypeError('columns change after a commit or a rollback')
    const encoder = await openEncoder(this.#options, this.#lane.sync, columns)
    const folderOf = partitionFolders(this.#options.partitionBy, columns, () => new Date())
    this.#columns = { columns, encoder, folderOf }
  }

  async write(block: RecordBlock): Promise<void> {
    const started = performance.now()
    this.#progress.take(block.slice, block.seq, { loaded: block.count, rejected: 0 })
    this.#files ??= this.#newFiles()
    await this.#owned(this.#files.write(block))
    this.#copyMs += performance.now() - started
  }

  async reject(rejected: Rejected): Promise<void> {
    this.#progress.take(rejected.slice, rejected.seq, { loaded: 0, rejected: 1 })
    nameRejection(this.#losses, rejected)
    const { slice, seq, reason, key } = rejected
    const { syncId } = this.#lane.sync
    const fields = { sync_id: syncId, slice, seq, reason, ...(key !== undefined && { key }) }
    const line = Buffer.from(`${JSON.stringify(fields)}\n`)
    this.#rejected ??= {
      draft: this.#newDraft(rejectedFolder, 'ndjson'),
      ...{ waiting: [], bytes: 0, records: 0 },
    }
    this.#rejected.waiting.push(line)
    this.#rejected.bytes += line.length
    this.#rejected.records += 1
    if (this.#rejected.bytes >= rejectedBytes) await this.#writeRejected()
  }

  /** The bytes of blocks are free already. */
  flush(): Promise<void> {
    return Promise.resolve()
  }

  isFull(): boolean {
    const { fileBytes, partitionBy } = this.#options
    const files = typeof partitionBy === 'object' ? partitionsInOne : 1
    return (this.#files?.bytes ?? 0) >= fileBytes * files
  }

  async commit(checkpoint: LaneCheckpoint): Promise<LaneStats> {
    this.#progress.requireCovered(checkpoint.slices)
    const started = performance.now()
    const files = await this.#owned(this.#closeFiles())
    await this.#requireNewest()
    const manifest = await this.#manifest.change((now) => {
      const content = this.#committed(now, checkpoint, files)
      return { content, result: content }
    })
    this.#used.committed = this.#used.open
    const nulled = this.#columns?.encoder.takeNulled()
    for (const subject of nulled?.columns ?? []) this.#losses.push({ kind: 'nulled', subject })
    const stats = {
      loaded: this.#progress.total('loaded'),
      rejected: this.#progress.total('rejected'),
      nulled: nulled?.count ?? 0,
      cut: 0,
      deleted: 0,
      losses: this.#losses,
      copySeconds: this.#copyMs / 1000,
      mergeSeconds: 0,
      commitSeconds: (performance.now() - started) / 1000,
    }
    this.#progress.committed()
    this.#restart()
    await this.#publish(manifest)
    return stats
  }

  async rollback(): Promise<void> {
    await this.#files?.discard()
    await this.#rejected?.draft.discard()
    this.#columns?.encoder.takeNulled()
    this.#progress.rolledBack()
    this.#used.open = this.#used.committed
    this.#restart()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rollback()
    await this.#store[Symbol.asyncDispose]()
  }

  /** Those of other lanes are theirs to publish, or those of the end of the sync. */
  async #publish(manifest: Manifest): Promise<void> {
    const { partition } = this.#lane
    const own = publishable(manifest).filter((file) => file.partition === partition)
    await publishFiles(this.#store, this.#stream, own)
    for (const { path } of own) this.#published.add(path)
  }

  #committed(
    now: Manifest | undefined,
    checkpoint: LaneCheckpoint,
    added: readonly CommittedFile[],
  ): Manifest {
    const { sync, partition } = this.#lane
    const { counts } = this.#progress
    const columns = this.#columns?.columns ?? []
    const record = commitLane(now, sync, { checkpoint, counts, columns })
    const { facts } = record
    const isStaged = isOverwriteMode(sync.sink.mode)
    const ofRows = added.filter(({ kind }) => kind === 'rows')
    const rows = isStaged ? 0 : ofRows.reduce((sum, { records }) => sum + records, 0)
    return {
      ...record,
      facts: {
        ...facts,
        files: [...facts.files.filter(({ path }) => !this.#published.has(path)), ...added],
        used: { ...facts.used, [partition]: this.#used.open },
        rows: facts.rows + rows,
      },
    }
  }

  async #closeFiles(): Promise<readonly CommittedFile[]> {
    const rows = (await this.#files?.close()) ?? []
    const files = rows.map((file) => this.#committedFile('rows', file))
    await this.#writeRejected()
    if (this.#rejected === undefined) return files
    const { draft, records } = this.#rejected
    return [...files, this.#committedFile('rejected', { ...(await draft.close()), records })]
  }

  #committedFile(kind: CommittedFile['kind'], file: WrittenFile): CommittedFile {
    const { path, draft, parts, records } = file
    return { path, draft, parts: [...parts], kind, records, partition: this.#lane.partition }
  }

  async #writeRejected(): Promise<void> {
    if (this.#rejected === undefined) return
    const { draft, waiting } = this.#rejected
    this.#rejected = { ...this.#rejected, waiting: [], bytes: 0 }
    await this.#owned(draft.write(Buffer.concat(waiting)))
  }

  #newFiles(): TransactionFiles {
    if (this.#columns === undefined)
      throw new TypeError('a lane knows its columns before it writes')
    const { encoder, folderOf } = this.#columns
    const { fileBytes } = this.#options
    const extension = extensionOf(this.#options)
    const newDraft = (folder: string): DraftFile => this.#newDraft(folder, extension)
    return new TransactionFiles({ encoder, folderOf, newDraft, fileBytes })
  }

  /** Another attempt has other drafts: a process that wakes writes into none of a newer one. */
  #newDraft(folder: string, extension: string): DraftFile {
    const { sync, partition } = this.#lane
    this.#used.open += 1
    const number = this.#used.open
    const attempt = sync.attemptKeys.at(-1) ?? String(sync.epoch)
    const name = `${fileName(sync.syncId, partition, number)}.${extension}`
    const path = [this.#stream, folder, name].filter((part) => part !== '').join('/')
    const id = `${attempt}-${String(partition)}-${String(number)}`
    return this.#store.newDraft({ stream: this.#stream, path, id })
  }

  #restart(): void {
    this.#files = undefined
    this.#rejected = undefined
    this.#losses = []
    this.#copyMs = 0
  }

  /** If a newer attempt has deleted the drafts of this one, that is why they cannot be written. */
  async #owned<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work
    } catch (error) {
      await this.#requireOwn()
      throw error
    }
  }

  async #requireOwn(): Promise<Manifest> {
    await this.#requireNewest()
    return requireOwn(await this.#manifest.read(), this.#lane.sync)
  }

  async #requireNewest(): Promise<void> {
    const { sink, start } = this.#lane.sync
    requireNewest(await runsOf(this.#store, sink.connection).read(), sink, start)
  }
}
