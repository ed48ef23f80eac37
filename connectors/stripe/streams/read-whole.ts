import type { RecordData } from '../../../protocol/index.ts'
import type { Connector, ConnectorContext, ReadTask, RecordOutput } from '../../connector.ts'
import { StreamRequests } from '../../http/stream-requests.ts'
import type { LoadedManifest } from '../../manifest/load-manifest-file.ts'
import { EmbeddedLists } from './embedded-lists.ts'
import type { ListedStream } from './object-stream.ts'
import { StripeLists, type StripeObject } from './stripe-lists.ts'

interface ReadOptions {
  /** It reads what the manifest says. */
  readonly interpreted: Pick<Connector, 'read'>
  readonly loaded: LoadedManifest
  readonly listed: ListedStream
  readonly out: RecordOutput
  readonly context: ConnectorContext
}

/** Reads a stream of the manifest, and completes the lists within its objects. */
export async function readWhole(
  task: ReadTask,
  { interpreted, loaded, listed, out, context }: ReadOptions,
): Promise<'complete' | 'stopped'> {
  const stream = task.stream.stream.name
  await using requests = new StreamRequests({ loaded, config: task.config, stream, out, context })
  const embedded = new EmbeddedLists(new StripeLists(requests, stream), listed)
  const whole: RecordOutput = {
    records: async (batch, emittedAtMs) => {
      const objects = batch.filter(isStripeRecord)
      const completed = new Map(
        (await embedded.complete(objects)).map((object) => [object.id, object] as const),
      )
      const records = batch.map((record) =>
        isStripeRecord(record) ? (completed.get(record.id) ?? record) : record,
      )
      await out.records(records, emittedAtMs)
    },
    copyText: (lines, emittedAtMs) => out.copyText(lines, emittedAtMs),
    state: (state) => out.state(state),
    rateLimited: (untilMs) => {
      out.rateLimited(untilMs)
    },
  }
  return await interpreted.read(task, whole, context)
}

function isStripeRecord(record: RecordData): record is RecordData & StripeObject {
  return typeof record.id === 'string'
}
