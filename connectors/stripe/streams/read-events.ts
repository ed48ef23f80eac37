import type { JsonObject } from '../../../protocol/index.ts'
import type { ConnectorContext, EventsTask, RecordOutput } from '../../connector.ts'
import { StreamRequests } from '../../http/stream-requests.ts'
import type { LoadedManifest } from '../../manifest/load-manifest-file.ts'
import { isTestKey } from '../test-key.ts'
import { LastEvents } from './changed-objects.ts'
import type { ObjectStream } from './object-stream.ts'
import { StreamObjects } from './stream-objects.ts'
import { createdOf, StripeLists } from './stripe-lists.ts'

/**
 * The objects that events of a webhook name, requested as `readObjects` does: an event holds its object in
 * another version of the API, and as it was then. A late event has a lower `changed` than the row that is
 * there, and changes nothing.
 */
export async function readEvents(
  { config, stream: configured, events }: EventsTask,
  {
    loaded,
    objects: stream,
    out,
    context,
  }: {
    readonly loaded: LoadedManifest
    readonly objects: ObjectStream
    readonly out: Pick<RecordOutput, 'records' | 'rateLimited'>
    readonly context: ConnectorContext
  },
): Promise<void> {
  const { name } = configured.stream
  await using requests = new StreamRequests({ loaded, config, stream: name, out, context })
  const lists = new StripeLists(requests, name)
  const last = new LastEvents(stream)
  const now = Math.floor(context.now() / 1000)
  for (const { body } of events) {
    // The key does not see an object of another account, or of the other mode: it would be taken for deleted.
    if (isOfAnother(body, config)) context.warn?.(foreignEvents)
    else last.add(body, happenedAt(body, now))
  }
  const objects = new StreamObjects(lists, stream)
  for await (const records of last.records(objects, { asksForDeleted: true })) {
    context.signal.throwIfAborted()
    await out.records(records)
  }
}

/** Not after now: no later change would replace the row. */
function happenedAt(event: JsonObject, now: number): number {
  const created = createdOf(event)
  const isTime = created !== null && Number.isSafeInteger(created) && created >= 0
  return isTime ? Math.min(created, now) : now
}

const foreignEvents =
  'Some events are of another account, or of the other mode (live or test), than the API key: they were left out. Check in which account and mode the webhook endpoint was made.'

/** Events of a connected account name it. */
function isOfAnother({ account, livemode }: JsonObject, config: JsonObject): boolean {
  const { account_id: own } = config
  if (typeof account === 'string' && account !== own) return true
  return typeof livemode === 'boolean' && livemode === isTestKey(config)
}
