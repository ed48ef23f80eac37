import { streamIdOf } from '../../../protocol/index.ts'
import type { BeginOptions, RunStart, SinkStream, SliceStart, StreamSync } from '../../sink.ts'
import { UnstoredDestination } from '../../unstored-destination.ts'
import type { Bookkeeping, Change } from '../bookkeeping/checkpoint-store.ts'
import type { Checkpoints } from '../bookkeeping/checkpoints.ts'
import { startRun } from '../bookkeeping/runs.ts'
import { SchemaRegistry } from '../registry/schema-registry.ts'
import { beginSync } from '../sync/begin-sync.ts'
import { savePlan } from '../sync/finish-sync.ts'
import type { SchemaSource } from '../sync/registered-schema.ts'
import type { TopicPlace } from '../topic-place.ts'
import { checkpointsIn, targetIn, type TopicSnapshot } from './topic-snapshot.ts'

/** The checkpoints of a snapshot, in memory: what is decided of them is forgotten with it. */
class PreviewBookkeeping implements Bookkeeping {
  readonly #checkpoints: Checkpoints

  constructor(snapshot: TopicSnapshot) {
    this.#checkpoints = checkpointsIn(snapshot)
  }

  read(): Promise<Checkpoints> {
    return Promise.resolve(this.#checkpoints)
  }

  /** A decision may throw: that is a rejection. */
  change<T>(decide: (now: Checkpoints) => Change<T>): Promise<T> {
    return new Promise((resolve) => {
      const { result, records } = decide(this.#checkpoints)
      for (const record of records) this.#checkpoints.apply(record)
      resolve(result)
    })
  }

  fence(): Promise<void> {
    return Promise.resolve()
  }
}

/** It only looks for schemas. */
function previewedRegistry(place: NonNullable<TopicPlace['registry']>): SchemaSource {
  const registry = new SchemaRegistry(place)
  return {
    find: (subject, schema) => registry.find(subject, schema),
    register: (subject, schema) => registry.preview(subject, schema),
  }
}

/**
 * The destination of a sandbox: a run into it begins as a run into the topics would, by the same decisions,
 * and sends nothing. It has no connection to Kafka, so that nothing can be sent by mistake. What its lanes
 * would send is in their stats (`LaneStats.preview`).
 */
export class PreviewDestination extends UnstoredDestination {
  readonly #snapshot: TopicSnapshot
  readonly #store: PreviewBookkeeping

  constructor(snapshot: TopicSnapshot) {
    super()
    this.#snapshot = snapshot
    this.#store = new PreviewBookkeeping(snapshot)
  }

  /** The run has its own key: the next run has another key too. */
  startRun(_connection: string, key = 'preview'): Promise<RunStart> {
    return this.#store.change((now) => startRun(now, { key, by: 'a sandbox', atMs: Date.now() }))
  }

  async begin(stream: SinkStream, start: RunStart, options?: BeginOptions): Promise<StreamSync> {
    const snapshot = this.#snapshot
    const context = {
      place: snapshot.place,
      store: this.#store,
      ensureTopic: () =>
        Promise.resolve(targetIn(snapshot, streamIdOf(stream.stream.stream)).target),
      registry: snapshot.place.registry && previewedRegistry(snapshot.place.registry),
      now: Date.now,
    }
    const sync = await beginSync(context, stream, { ...options, start })
    // A run reads on after the end of a sync that an older start began. Where that end is, nothing remembers
    // here.
    return { ...sync, isOlder: false }
  }

  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void> {
    return this.#store.change((now) => savePlan(now, sync, slices))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}
