import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { mapLimited } from '../../lib/async/map-limited.ts'
import {
  ConnectError,
  type StreamId,
  streamIdOf,
  streamKey,
  streamLabel,
} from '../../protocol/index.ts'
import { beginSync } from '../bookkeeping/begin-sync.ts'
import { fenced, newerStart, requireNewest, requireOwn } from '../bookkeeping/runs.ts'
import {
  changeStored,
  changeStoredStates,
  endStoredRun,
  idOfRecord,
  leaveStoredLog,
  startStoredRun,
  type StoredStream,
} from '../bookkeeping/stored-connection.ts'
import {
  completeSync,
  forgetStream,
  noteWarning,
  requireComplete,
  savePlan,
} from '../bookkeeping/syncs.ts'
import { readUntold } from '../bookkeeping/untold.ts'
import { isOverwriteMode } from '../continuation.ts'
import type {
  BeginOptions,
  Destination,
  LoadedStream,
  RunEnd,
  RunStart,
  SinkStream,
  SliceStart,
  StreamSync,
  Untold,
} from '../sink.ts'
import { ownFolder, rejectedFolder, streamFolder, syncOfPath } from './file-names.ts'
import { fileModes, type FileOptions } from './file-options.ts'
import type { FileStore } from './file-store.ts'
import {
  type FileFacts,
  type Manifest,
  manifestIn,
  noFacts,
  publishable,
  runsOf,
  withoutFiles,
  withoutStage,
} from './manifest.ts'
import { settleFiles } from './settle-files.ts'

// How this folder is laid out, each part above those that it imports:
//   files-destination.ts      the contract of sink.ts, on the main thread; files-lane.ts, in a sink worker
//   transaction-files.ts      the open files of a lane; partition-folder.ts: Hive's folders
//   formats/                  JSON lines, Parquet
//   settle-files.ts           committed files are published
//   manifest.ts, file-names.ts, file-options.ts
//   file-store.ts             the port of a place for files: sinks/file and sinks/s3 implement it

export function openFilesDestination(
  store: FileStore,
  options: Pick<FileOptions, 'partitionBy'>,
): Destination {
  return new FilesDestination(store, options)
}

class FilesDestination implements Destination {
  readonly #store: FileStore
  readonly #options: Pick<FileOptions, 'partitionBy'>

  constructor(store: FileStore, options: Pick<FileOptions, 'partitionBy'>) {
    this.#store = store
    this.#options = options
  }

  check(): Promise<void> {
    return this.#store.check()
  }

  async startRun(connection: string, key?: string): Promise<RunStart> {
    const streams = await this.#streams(connection)
    return startStoredRun(runsOf(this.#store, connection), streams, key)
  }

  endRun(connection: string, end: RunEnd): Promise<void> {
    const findStreams = () => this.#streams(connection)
    return endStoredRun(runsOf(this.#store, connection), findStreams, end)
  }

  async newerStart(connection: string, { start }: RunStart): Promise<string | undefined> {
    return newerStart(await runsOf(this.#store, connection).read(), start)
  }

  async loadedStreams(connection: string): Promise<readonly LoadedStream[]> {
    const streams = await this.#streams(connection)
    // The checkpoints go with the folder.
    return streams.map(({ id, folder }) => ({
      stream: id,
      table: this.#nameOf(folder),
      hasTable: true,
    }))
  }

  async begin(sink: SinkStream, start: RunStart, options?: BeginOptions): Promise<StreamSync> {
    requireMode(sink)
    requirePartitionColumn(sink, this.#options)
    const folder = streamFolder(streamIdOf(sink.stream.stream))
    const document = manifestIn(this.#store, folder)
    await this.#requireNewest(sink, start.start)
    for (let tries = 0; tries < mostBegins; tries++) {
      const before = await document.read()
      if (before === undefined) await this.#requireNoRows(sink, folder)
      else requireFree(before, sink, this.#nameOf(folder))
      await settleFiles(this.#store, folder, before)
      const atMs = Date.now()
      const attempt = randomUUID()
      const begun = await document.change((now) => {
        // An earlier attempt that goes on may have committed meanwhile: that is settled first, too.
        if (!isDeepStrictEqual(now, before)) return { result: undefined }
        const change = beginSync(now, { ...options, sink, start, atMs, attempt, factsOf })
        const { result: sync, content } = change
        return { ...change, result: { sync, manifest: content ?? now } }
      })
      if (begun === undefined) continue
      const { sync, manifest } = begun
      if (manifest !== undefined && !sync.doneInRun) {
        const kept = new Set(manifest.facts.files.map(({ draft }) => draft))
        await this.#store.deleteDrafts(folder, kept)
      }
      return sync
    }
    throw fenced(sink, 'another run, which changes its files all the time')
  }

  async untold({ stream }: SinkStream, start: RunStart): Promise<Untold | undefined> {
    const folder = streamFolder(streamIdOf(stream.stream))
    return readUntold(await manifestIn(this.#store, folder).read(), start)
  }

  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void> {
    return this.#change(sync, (now) => savePlan(now, sync, slices))
  }

  async finish(sync: StreamSync): Promise<readonly string[]> {
    const { sink, streamId } = sync
    await this.#requireNewest(sink, sync.start)
    const folder = streamFolder(streamId)
    const document = manifestIn(this.#store, folder)
    const record = requireOwn(await document.read(), sync)
    const { loaded, rejected } = requireComplete(record, sync)
    const isOverwrite = isOverwriteMode(sink.mode)
    if (isOverwrite && loaded === 0 && rejected > 0) {
      // Otherwise the next sync would continue from here, to the same end.
      await settleFiles(this.#store, folder, record)
      await document.change((now) => ({
        result: undefined,
        content: withoutStage(forgetStream(requireOwn(now, sync))),
      }))
      throw allRejected(this.#nameOf(folder), streamId, rejected)
    }
    const isEmptied = isOverwrite && loaded === 0
    const warnings = isEmptied ? warnOfEmptied(this.#nameOf(folder), record.facts.rows) : []
    await settleFiles(this.#store, folder, record)
    const complete = await document.change((now) => {
      const { facts } = requireOwn(now, sync)
      const replaced = { ...facts, rows: loaded, replaces: true }
      const content = completeSync(now, sync, { warnings, facts: isOverwrite ? replaced : facts })
      return { content, result: content }
    })
    await settleFiles(this.#store, folder, complete)
    await this.#noteSettled(folder, complete)
    return warnings
  }

  noteWarning(sync: StreamSync, warning: string): Promise<void> {
    return this.#change(sync, (now) => noteWarning(now, sync, warning))
  }

  leaveLog(sync: StreamSync): Promise<void> {
    return leaveStoredLog(manifestIn(this.#store, streamFolder(sync.streamId)), sync)
  }

  async forget(connection: string, streams: readonly StreamId[] | 'all'): Promise<void> {
    const wanted = streams === 'all' ? undefined : new Set(streams.map(streamKey))
    for (const { id, folder, record, document } of await this.#streams(connection)) {
      if (wanted?.has(streamKey(id)) === false) continue
      await settleFiles(this.#store, folder, record)
      await changeStored(document, (now) => withoutStage(forgetStream(now)))
    }
  }

  async changeStates(
    connection: string,
    streams: readonly StreamId[],
    change: Parameters<Destination['changeStates']>[2],
  ): Promise<void> {
    await changeStoredStates(await this.#streams(connection), streams, change)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#store[Symbol.asyncDispose]())
  }

  /** The streams of a connection, with their folders. */
  async #streams(
    connection: string,
  ): Promise<readonly (StoredStream<FileFacts> & { readonly folder: string })[]> {
    const names = (await this.#store.folders()).filter((name) => name !== ownFolder)
    const found = await mapLimited(names, mostReads, async (folder) => {
      const document = manifestIn(this.#store, folder)
      const record = await document.read()
      return record?.connection === connection
        ? [{ id: idOfRecord(record), folder, record, document }]
        : []
    })
    return found.flat()
  }

  /** The next attempt finds nothing to publish and to delete. */
  async #noteSettled(folder: string, settled: Manifest): Promise<void> {
    const paths = new Set(publishable(settled).map(({ path }) => path))
    if (paths.size === 0 && !settled.facts.replaces) return
    await manifestIn(this.#store, folder).change((now) => {
      if (now?.syncId !== settled.syncId) return { result: undefined }
      const { facts } = now
      const content = withoutFiles({ ...now, facts: { ...facts, replaces: false } }, paths)
      return { result: undefined, content }
    })
  }

  /** Throws `destination_folder_unknown` if there are rows, and no manifest says where to continue. */
  async #requireNoRows(sink: SinkStream, folder: string): Promise<void> {
    const rows = (await this.#store.files(folder)).filter((path) => syncOfPath(path) !== undefined)
    if (rows.length === 0) return
    const { length: files } = rows
    const details = { folder: this.#nameOf(folder), stream: streamLabel(sink.stream.stream), files }
    throw new ConnectError('destination_folder_unknown', { details })
  }

  #change(sync: StreamSync, decide: (now: Manifest | undefined) => Manifest): Promise<void> {
    const change = async (): Promise<void> => {
      await this.#requireNewest(sync.sink, sync.start)
      await manifestIn(this.#store, streamFolder(sync.streamId)).change((now) => ({
        result: undefined,
        content: decide(now),
      }))
    }
    return change()
  }

  async #requireNewest(sink: SinkStream, start: number): Promise<void> {
    requireNewest(await runsOf(this.#store, sink.connection).read(), sink, start)
  }

  #nameOf(folder: string): string {
    return `${this.#store.name}/${folder}`
  }
}

/** Attempts that commit while another begins end soon. */
const mostBegins = 100
/** Manifests that are read at the same time. */
const mostReads = 16

/** The files as an attempt begins with them: of a stage that is discarded, none stays. */
function factsOf(before: Manifest | undefined, { resumed }: { resumed: boolean }): FileFacts {
  if (before === undefined) return noFacts
  if (resumed) return before.facts
  // All of them were settled.
  return { ...noFacts, rows: before.facts.rows }
}

/** Throws `destination_mode_unsupported`: a row in a file is never changed. */
function requireMode({ mode, stream }: SinkStream): void {
  if (fileModes.includes(mode)) return
  throw new ConnectError('destination_mode_unsupported', {
    details: {
      stream: streamLabel(stream.stream),
      mode,
      place: 'files',
      reason: 'a row that is in a file is not replaced by a newer one',
      fix: 'Set `destination_sync_mode: append`, which adds all rows that are read, or `overwrite`.',
    },
  })
}

/** Throws `destination_field_missing` if the column of the partitions is none of the stream. */
function requirePartitionColumn(
  { columns, stream }: SinkStream,
  { partitionBy }: Pick<FileOptions, 'partitionBy'>,
): void {
  if (typeof partitionBy !== 'object') return
  const { column } = partitionBy
  if (columns.some(({ name }) => name === column)) return
  const details = { role: '`partition_by`', stream: streamLabel(stream.stream), field: column }
  throw new ConnectError('destination_field_missing', { details })
}

/** Throws `destination_folder_shared` if the rows of another stream are in the folder. */
function requireFree(manifest: Manifest, sink: SinkStream, folder: string): void {
  const { connection, namespace, name, run } = manifest
  const id = streamIdOf(sink.stream.stream)
  const isSame = name === id.name && namespace === (id.namespace ?? null)
  if (run === 0 || (isSame && connection === sink.connection)) return
  const other = streamLabel({ name, ...(namespace !== null && { namespace }) })
  throw new ConnectError('destination_folder_shared', {
    details: { folder, stream: streamLabel(id), other, connection },
  })
}

function allRejected(folder: string, stream: StreamId, rejected: number): ConnectError {
  const details = {
    stream: streamLabel(stream),
    rejected,
    table: `folder ${folder}`,
    rejections: `its folder \`${rejectedFolder}\``,
  }
  return new ConnectError('records_all_rejected', { details })
}

function warnOfEmptied(folder: string, rows: number): readonly string[] {
  if (rows === 0) return []
  return [
    `The source had no record of the stream, so all rows of folder ${folder} were deleted: ${rows.toLocaleString('en-US')}.`,
  ]
}
