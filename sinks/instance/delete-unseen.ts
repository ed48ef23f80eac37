import type { RecordWriter } from '../../connectors/record-writer.ts'
import type { StreamSync } from '../sink.ts'
import { DeleteGuard } from './delete-guard.ts'
import type { InstanceConfig } from './instance-place.ts'
import type { BoundMapping } from './mapping/bind-mapping.ts'
import { targetOf } from './open-writer.ts'
import { type OutgoingRecord, RecordSender, requestsOfStep } from './record-sender.ts'
import type { WriteStore } from './store/write-store.ts'

interface DeleteUnseenOptions {
  readonly config: InstanceConfig
  readonly store: WriteStore
  readonly writer: RecordWriter
  readonly mapping: BoundMapping
  readonly signal: AbortSignal
  readonly requireOwn: () => Promise<void>
  /** The source had no record. */
  readonly isEmptied: boolean
}

/**
 * At the end of a read of the whole stream: records that we have sent and that were not read this time are
 * gone at the source. Returns warnings. Throws `write_deletes_held`.
 */
export async function deleteUnseen(
  sync: StreamSync,
  options: DeleteUnseenOptions,
): Promise<readonly string[]> {
  const { config, store, writer, mapping, signal, requireOwn, isEmptied } = options
  const { syncId, sink } = sync
  const target = await targetOf(sink, config, mapping)
  const { sent, unseen } = await store.counts(target, syncId)
  if (unseen === 0) return []
  if (config.options.deletes === 'keep')
    return [
      `${unseen.toLocaleString('en-US')} records of ${mapping.object.name} that ${mapping.stream} has had are gone at the source, and stay at the vendor: set \`write_deletes: delete\` to delete them there.`,
    ]
  const unidentified = await store.unidentified(target, syncId)
  if (unidentified > 0) return [held(mapping, unseen, unidentified)]
  const place = { stream: mapping.stream, connection: sink.connection }
  const guard = new DeleteGuard(place, { sent, isReleased: config.releasesDeletes === true })
  guard.admit(unseen)
  const sender = new RecordSender({
    ...{ mapping, writer, store, target, syncId, signal, requireOwn },
    choices: config.options,
    notesSeen: false,
    admitDeletes: () => undefined,
  })
  const limit = mapping.object.batchSize * requestsOfStep
  let after = ''
  for (;;) {
    const gone = await store.unseen(target, { syncId, after, limit })
    const last = gone.at(-1)
    if (last === undefined) return isEmptied ? [emptied(mapping, unseen)] : []
    await sender.send(gone.map(({ key }) => goneRecord(key)))
    after = last.key
  }
}

/** One of the rejected records may be one that seems to be gone. */
function held({ object, stream }: BoundMapping, unseen: number, unidentified: number): string {
  const [gone, rejected] = [unseen, unidentified].map((count) => count.toLocaleString('en-US'))
  return `Records of ${object.name} that ${stream} has had seem to be gone at the source (${String(gone)}), and were not deleted: records of this read were rejected without a key (${String(rejected)}), and may be among them. Correct those at the source: the next run deletes the others.`
}

function emptied({ object }: BoundMapping, records: number): string {
  return `The source had no record of the stream, so all rows of ${object.name} that it had written were deleted: ${records.toLocaleString('en-US')}.`
}

function goneRecord(key: string): OutgoingRecord {
  const record = { key, keyValue: key, fields: {}, references: {}, isGone: true }
  return { record, source: () => JSON.stringify({ key }) }
}
