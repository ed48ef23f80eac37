import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { RecordWriter } from '../../connectors/record-writer.ts'
import { ConnectError, type StreamId, streamKey, streamLabel } from '../../protocol/index.ts'
import { beginSync } from '../bookkeeping/begin-sync.ts'
import { newerStart, requireNewest, requireOwn } from '../bookkeeping/runs.ts'
import {
  changeStored,
  changeStoredStates,
  endStoredRun,
  leaveStoredLog,
  startStoredRun,
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
import { deleteUnseen } from './delete-unseen.ts'
import { runsOf, streamOf, type WriteRecord, writtenStreams } from './documents.ts'
import type { InstanceConfig } from './instance-place.ts'
import type { BoundMapping } from './mapping/bind-mapping.ts'
import { bindStream, openWriter } from './open-writer.ts'
import { WriteStore } from './store/write-store.ts'
import { instanceModes } from './instance-modes.ts'

// How this folder is laid out, each part above those that it imports:
//   instance-destination.ts   the contract of sink.ts, on the main thread; instance-lane.ts, in a sink worker
//   preview/                  the same for a sandbox: everything but the writes themselves
//   rejects.ts                list, retry and discard rejected records
//   record-sender.ts          sends records and stores what became of them; delete-unseen.ts, delete-guard.ts
//   plan-writes.ts            which records and fields are to be sent: pure
//   mapping/                  how a record of the stream becomes one of the vendor
//   store/                    the bookkeeping in PostgreSQL

export async function openInstance(
  config: InstanceConfig,
  { logger, signal }: { readonly logger: Logger; readonly signal?: AbortSignal | undefined },
): Promise<Destination> {
  return new InstanceDestination(config, await WriteStore.open(config.store), { logger, signal })
}

class InstanceDestination implements Destination {
  readonly #config: InstanceConfig
  readonly #store: WriteStore
  readonly #logger: Logger
  readonly #ended = new AbortController()
  readonly #signal: AbortSignal
  #writer: Promise<RecordWriter> | undefined

  constructor(
    config: InstanceConfig,
    store: WriteStore,
    { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal | undefined },
  ) {
    this.#config = config
    this.#store = store
    this.#logger = logger
    this.#signal =
      signal === undefined ? this.#ended.signal : AbortSignal.any([this.#ended.signal, signal])
  }

  async check(): Promise<void> {
    await this.#openWriter()
  }

  async startRun(connection: string, key?: string): Promise<RunStart> {
    const streams = await writtenStreams(this.#store, connection)
    return startStoredRun(runsOf(this.#store, connection), streams, key)
  }

  endRun(connection: string, end: RunEnd): Promise<void> {
    const findStreams = () => writtenStreams(this.#store, connection)
    return endStoredRun(runsOf(this.#store, connection), findStreams, end)
  }

  async newerStart(connection: string, { start }: RunStart): Promise<string | undefined> {
    return newerStart(await runsOf(this.#store, connection).read(), start)
  }

  async loadedStreams(connection: string): Promise<readonly LoadedStream[]> {
    const streams = await writtenStreams(this.#store, connection)
    return streams.map(({ id }) => ({
      stream: id,
      table: `instance ${this.#config.instance}`,
      hasTable: true,
    }))
  }

  async begin(sink: SinkStream, start: RunStart, options?: BeginOptions): Promise<StreamSync> {
    requireMode(sink)
    await this.#requireNewest(sink, start.start)
    const mapping = await bindStream(sink, this.#config, await this.#openWriter())
    const atMs = Date.now()
    const attempt = randomUUID()
    const sync = await streamOf(this.#store, sink).change((now) =>
      beginSync(now, { ...options, sink, start, atMs, attempt, factsOf: () => ({}) }),
    )
    return { ...sync, warnings: [...sync.warnings, ...unmappedWarnings(mapping)] }
  }

  async untold(sink: SinkStream, start: RunStart): Promise<Untold | undefined> {
    return readUntold(await streamOf(this.#store, sink).read(), start)
  }

  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void> {
    return this.#change(sync, (now) => savePlan(now, sync, slices))
  }

  async finish(sync: StreamSync): Promise<readonly string[]> {
    const { sink } = sync
    await this.#requireNewest(sink, sync.start)
    const record = requireOwn(await streamOf(this.#store, sink).read(), sync)
    const { loaded, rejected } = requireComplete(record, sync)
    if (isOverwriteMode(sink.mode) && loaded === 0 && rejected > 0) {
      // Otherwise the next sync would continue from here, to the same end.
      await this.#change(sync, (now) => forgetStream(requireOwn(now, sync)))
      throw allRejected(sync, rejected)
    }
    const isEmptied = loaded === 0
    const warnings = isOverwriteMode(sink.mode) ? await this.#deleteUnseen(sync, isEmptied) : []
    await this.#change(sync, (now) => completeSync(now, sync, { warnings, facts: {} }))
    return warnings
  }

  noteWarning(sync: StreamSync, warning: string): Promise<void> {
    return this.#change(sync, (now) => noteWarning(now, sync, warning))
  }

  leaveLog(sync: StreamSync): Promise<void> {
    return leaveStoredLog(streamOf(this.#store, sync.sink), sync)
  }

  async forget(connection: string, streams: readonly StreamId[] | 'all'): Promise<void> {
    const wanted = streams === 'all' ? undefined : new Set(streams.map(streamKey))
    for (const { id, document } of await writtenStreams(this.#store, connection)) {
      const key = streamKey(id)
      if (wanted?.has(key) === false) continue
      await changeStored(document, forgetStream)
      await this.#store.forgetValues(connection, key)
    }
  }

  async changeStates(
    connection: string,
    streams: readonly StreamId[],
    change: Parameters<Destination['changeStates']>[2],
  ): Promise<void> {
    await changeStoredStates(await writtenStreams(this.#store, connection), streams, change)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await (await this.#writer?.catch(() => undefined))?.[Symbol.asyncDispose]()
    await this.#store[Symbol.asyncDispose]()
  }

  async #deleteUnseen(sync: StreamSync, isEmptied: boolean): Promise<readonly string[]> {
    const writer = await this.#openWriter()
    return deleteUnseen(sync, {
      config: this.#config,
      store: this.#store,
      writer,
      mapping: await bindStream(sync.sink, this.#config, writer),
      signal: this.#signal,
      isEmptied,
      requireOwn: async () => {
        await this.#requireNewest(sync.sink, sync.start)
        requireOwn(await streamOf(this.#store, sync.sink).read(), sync)
      },
    })
  }

  #openWriter(): Promise<RecordWriter> {
    this.#writer ??= openWriter(this.#config, { logger: this.#logger, signal: this.#signal })
    return this.#writer
  }

  async #change(
    sync: StreamSync,
    decide: (now: WriteRecord | undefined) => WriteRecord,
  ): Promise<void> {
    await this.#requireNewest(sync.sink, sync.start)
    await streamOf(this.#store, sync.sink).change((now) => ({
      result: undefined,
      content: decide(now),
    }))
  }

  async #requireNewest(sink: SinkStream, start: number): Promise<void> {
    requireNewest(await runsOf(this.#store, sink.connection).read(), sink, start)
  }
}

/** Throws `destination_mode_unsupported`: a record at the vendor is found by its key. */
export function requireMode({ mode, stream }: SinkStream): void {
  if (instanceModes.includes(mode)) return
  throw new ConnectError('destination_mode_unsupported', {
    details: {
      stream: streamLabel(stream.stream),
      mode,
      place: 'an instance',
      reason: 'a record that is read twice would be there twice',
      fix: 'Set `destination_sync_mode: append_dedup`, or `overwrite` to read the whole table each time.',
    },
  })
}

export function unmappedWarnings({ unmapped, object, stream }: BoundMapping): readonly string[] {
  if (unmapped.length === 0) return []
  const columns = unmapped.map((name) => `\`${name}\``).join(', ')
  return [
    `Columns of ${stream} that are not written into ${object.name}, as no field has their name: ${columns}. Name their fields in \`writes\` of the connection, or leave them out with \`columns\`.`,
  ]
}

function allRejected({ streamId, sink }: StreamSync, rejected: number): ConnectError {
  return new ConnectError('records_all_rejected', {
    details: {
      stream: streamLabel(streamId),
      rejected,
      table: 'the vendor',
      rejections: `\`reactor connect connections rejects list ${sink.connection}\``,
    },
  })
}
