import { packageVersion } from '../../../lib/files/package-version.ts'
import { datumTexts } from '../../../protocol/avro/datum-text.ts'
import type { Column } from '../../../protocol/index.ts'
import { LaneProgress } from '../../lane-progress.ts'
import { nameRejection } from '../../named-losses.ts'
import type {
  LaneCheckpoint,
  LaneStats,
  Loss,
  RecordBlock,
  SinkLane,
  StreamSync,
} from '../../sink.ts'
import { SchemaRegistry } from '../registry/schema-registry.ts'
import { messageSchemas } from '../rows/message-schemas.ts'
import { RowMessages } from '../rows/row-messages.ts'
import type { MessageSchema, RejectedRow, RowForm, SchemaIds } from '../rows/row-options.ts'
import { knownTopic } from '../sync/known-topic.ts'
import { SampledMessages } from './sampled-messages.ts'
import { checkpointsIn, targetIn, type TopicSnapshot } from './topic-snapshot.ts'

/** Before the datum: Confluent's framing, or Avro's single-object encoding. */
const framingBytes = { registry: 5, fingerprint: 10 } as const

/** A lane that makes the messages of a run into topics, counts them, shows the first ones, and sends none. */
export class PreviewLane implements SinkLane {
  readonly #snapshot: TopicSnapshot
  readonly #sync: StreamSync
  readonly #progress: LaneProgress
  #messages: SampledMessages | undefined
  #rows: RowMessages | undefined
  #losses: Loss[] = []
  #deleted = 0

  constructor(snapshot: TopicSnapshot, sync: StreamSync) {
    this.#snapshot = snapshot
    this.#sync = sync
    this.#progress = new LaneProgress(sync)
  }

  async setColumns(columns: readonly Column[]): Promise<void> {
    const { place } = this.#snapshot
    const { sink, streamId, syncId, generationId } = this.#sync
    const { topic, target } = targetIn(this.#snapshot, streamId)
    const lookup = place.registry === undefined ? 'fingerprint' : 'registry'
    const form: RowForm = { topic, sink, columns, format: place.format, lookup }
    const stored = checkpointsIn(this.#snapshot).stream(streamId)
    const partitions = knownTopic(stored, { topic, target })?.partitions ?? target.partitions
    const { maxMessageBytes } = target
    const schemas = messageSchemas(form)
    const ids = await this.#previewSchemas(topic, schemas)
    this.#messages = new SampledMessages({
      ...{ partitions, maxMessageBytes, turn: syncId },
      hasPartitions: ids?.key !== 0,
      keyText: textOf(schemas.key, lookup),
      valueText: textOf(schemas.value, lookup),
    })
    this.#rows = new RowMessages(
      {
        ...form,
        partitions,
        maxMessageBytes,
        syncId,
        generationId,
        version: packageVersion(),
        ...(ids !== undefined && { schemaIds: ids }),
      },
      this.#messages,
    )
  }

  write(block: RecordBlock): Promise<void> {
    const { rows } = this.#open()
    this.#progress.take(block.slice, block.seq, { loaded: block.count, rejected: 0 })
    const { deleted, rejected } = rows.write(block)
    this.#deleted += deleted
    for (const rejection of rejected) {
      this.#progress.reject(rejection.slice)
      nameRejection(this.#losses, rejection)
    }
    return Promise.resolve()
  }

  reject(rejected: RejectedRow): Promise<void> {
    this.#progress.take(rejected.slice, rejected.seq, { loaded: 0, rejected: 1 })
    nameRejection(this.#losses, rejected)
    return Promise.resolve()
  }

  flush(): Promise<void> {
    return Promise.resolve()
  }

  commit({ slices }: LaneCheckpoint): Promise<LaneStats> {
    const { messages } = this.#open()
    this.#progress.requireCovered(slices)
    const [loaded, rejected] = [this.#progress.total('loaded'), this.#progress.total('rejected')]
    const deleted = this.#deleted
    const preview = {
      attempt: this.#sync.epoch,
      rows: loaded - deleted,
      deletes: deleted,
      rejected,
      ...messages.counted,
    }
    const stats = {
      ...{ loaded, rejected, nulled: 0, cut: 0, deleted, losses: this.#losses, preview },
      ...{ copySeconds: 0, mergeSeconds: 0, commitSeconds: 0 },
    }
    this.#progress.committed()
    this.#restart()
    return Promise.resolve(stats)
  }

  rollback(): Promise<void> {
    this.#progress.rolledBack()
    this.#restart()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  /**
   * The numbers that the registry has for the schemas; 0 for one that a run would register. Throws what a run
   * would throw.
   */
  async #previewSchemas(
    topic: string,
    { key, value }: ReturnType<typeof messageSchemas>,
  ): Promise<SchemaIds | undefined> {
    const { registry: place } = this.#snapshot.place
    if (place === undefined) return undefined
    const registry = new SchemaRegistry(place)
    return {
      ...(key !== undefined && { key: (await registry.preview(`${topic}-key`, key)) ?? 0 }),
      value: (await registry.preview(`${topic}-value`, value)) ?? 0,
    }
  }

  #restart(): void {
    this.#messages?.clear()
    this.#losses = []
    this.#deleted = 0
  }

  #open(): { readonly rows: RowMessages; readonly messages: SampledMessages } {
    const [rows, messages] = [this.#rows, this.#messages]
    if (rows === undefined || messages === undefined)
      throw new TypeError('a lane knows its columns before it writes')
    return { rows, messages }
  }
}

/** A key or a value as text: JSON as it is sent, Avro as JSON. */
function textOf(
  schema: MessageSchema | undefined,
  lookup: keyof typeof framingBytes,
): (bytes: Uint8Array) => string {
  if (schema?.type !== 'AVRO') return (bytes) => Buffer.from(bytes).toString('utf8')
  const show = datumTexts(schema.text)
  return (bytes) => show(bytes.subarray(framingBytes[lookup]))
}
