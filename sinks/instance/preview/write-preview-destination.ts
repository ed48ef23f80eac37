import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { beginSync } from '../../bookkeeping/begin-sync.ts'
import { startRun } from '../../bookkeeping/runs.ts'
import { savePlan } from '../../bookkeeping/syncs.ts'
import type {
  BeginOptions,
  Destination,
  RunStart,
  SinkStream,
  SliceStart,
  StreamSync,
} from '../../sink.ts'
import { UnstoredDestination } from '../../unstored-destination.ts'
import { runsOf, streamOf } from '../documents.ts'
import { requireMode, unmappedWarnings } from '../instance-destination.ts'
import type { InstanceConfig } from '../instance-place.ts'
import { bindStream, openWriter } from '../open-writer.ts'
import { WriteStore } from '../store/write-store.ts'
import { PreviewStore } from './preview-store.ts'

export async function openWritePreview(
  config: InstanceConfig,
  options: { readonly logger: Logger; readonly signal?: AbortSignal | undefined },
): Promise<Destination> {
  return new WritePreviewDestination(config, await WriteStore.open(config.store), options)
}

/** Begins as a run would, by the same decisions, and stores none of them. */
class WritePreviewDestination extends UnstoredDestination {
  readonly #config: InstanceConfig
  readonly #stored: WriteStore
  readonly #store: PreviewStore
  readonly #logger: Logger
  readonly #ended = new AbortController()

  constructor(
    config: InstanceConfig,
    store: WriteStore,
    { logger }: { readonly logger: Logger; readonly signal?: AbortSignal | undefined },
  ) {
    super()
    this.#config = config
    this.#stored = store
    this.#store = new PreviewStore(store)
    this.#logger = logger
  }

  /** The run has its own key: the next run has another key too. */
  startRun(connection: string, key = 'preview'): Promise<RunStart> {
    const starter = { key, by: 'a sandbox', atMs: Date.now(), lastStart: 0 }
    return runsOf(this.#store, connection).change((now) => startRun(now, starter))
  }

  async begin(sink: SinkStream, start: RunStart, options?: BeginOptions): Promise<StreamSync> {
    requireMode(sink)
    const writing = { logger: this.#logger, signal: this.#ended.signal }
    await using writer = await openWriter(this.#config, writing)
    const mapping = await bindStream(sink, this.#config, writer)
    const [atMs, attempt] = [Date.now(), randomUUID()]
    const sync = await streamOf(this.#store, sink).change((now) =>
      beginSync(now, { ...options, sink, start, atMs, attempt, factsOf: () => ({}) }),
    )
    // A run reads on after the end of a sync that an older start began. Nothing remembers that end here.
    return {
      ...sync,
      isOlder: false,
      warnings: [...sync.warnings, ...unmappedWarnings(mapping)],
    }
  }

  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void> {
    return streamOf(this.#store, sync.sink).change((now) => ({
      result: undefined,
      content: savePlan(now, sync, slices),
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await this.#stored[Symbol.asyncDispose]()
  }
}
