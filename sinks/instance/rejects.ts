import {
  ConnectError,
  parseExact,
  type RecordData,
  type StreamId,
  streamIdOf,
  streamKey,
} from '../../protocol/index.ts'
import type {
  RejectedRecord,
  RejectsChoice,
  RejectsPort,
  RejectsRequest,
  RetriedRejects,
} from '../destination-kind.ts'
import type { InstanceConfig } from './instance-place.ts'
import { mapRecord } from './mapping/map-record.ts'
import { bindStream, openWriter, targetOf } from './open-writer.ts'
import { type OutgoingRecord, RecordSender } from './record-sender.ts'
import { type StoredReject, WriteStore, type WriteTarget } from './store/write-store.ts'

export async function listRejects(
  { store: address }: InstanceConfig,
  { connection, stream, limit, after }: RejectsRequest,
): Promise<readonly RejectedRecord[]> {
  await using store = await WriteStore.open(address)
  const found = await store.rejects(connection, { ...streamOf(stream), limit, after })
  return found.map(({ stream: key, ...reject }) => ({
    ...reject,
    place: `${key}${reject.key}`,
    stream: idOf(key),
  }))
}

export async function discardRejects(
  { store: address }: InstanceConfig,
  { connection, stream, keys }: RejectsChoice,
): Promise<number> {
  await using store = await WriteStore.open(address)
  return await store.discardRejects(connection, { ...streamOf(stream), keys })
}

type StoredRecord = StoredReject & { readonly record: string }
type RetryRequest = Parameters<RejectsPort<InstanceConfig>['retry']>[1]

/**
 * Sends rejected records again, as they were read then, through the code of a run. A record that somebody
 * has changed at the vendor is overwritten, and one that is gone there is created again: the caller has
 * decided so.
 */
export async function retryRejects(
  config: InstanceConfig,
  { connection, stream, keys, streams, logger }: RetryRequest,
): Promise<RetriedRejects> {
  const ended = new AbortController()
  await using store = await WriteStore.open(config.store)
  await using writer = await openWriter(config, { logger, signal: ended.signal })
  const sum = { tried: 0, written: 0, rejected: 0 }
  for (const sink of streams) {
    const id = streamIdOf(sink.stream.stream)
    const own = streamKey(id)
    if (stream !== undefined && streamKey(stream) !== own) continue
    const mapping = await bindStream({ ...sink, connection }, config, writer)
    const target = await targetOf({ ...sink, connection }, config, mapping)
    const sender = new RecordSender({
      ...{ mapping, writer, store, target, signal: ended.signal },
      choices: { ...config.options, mode: 'fast' },
      syncId: 0,
      notesSeen: false,
      requireOwn: () => Promise.resolve(),
      admitDeletes: () => undefined,
    })
    if (!(await store.holdWrites(target)))
      throw new ConnectError('write_busy', { details: { connection } })
    const retry = (records: readonly StoredRecord[]): Promise<RetriedRejects> =>
      retryPage(records, { store, target, sender, mapping })
    for await (const page of pagesOf(store, connection, own)) {
      const wanted = page.filter(({ key }) => keys === null || keys.includes(key))
      const { tried, written, rejected } = await retry(wanted)
      sum.tried += tried
      sum.written += written
      sum.rejected += rejected
    }
    await store.releaseWrites(target)
  }
  return sum
}

const pageSize = 200

async function* pagesOf(
  store: WriteStore,
  connection: string,
  stream: string,
): AsyncGenerator<readonly StoredRecord[]> {
  let after = ''
  for (;;) {
    const page = await store.rejects(connection, { stream, limit: pageSize, after })
    const last = page.at(-1)
    if (last === undefined) return
    after = `${stream}${last.key}`
    yield page
  }
}

async function retryPage(
  records: readonly StoredRecord[],
  {
    store,
    target,
    sender,
    mapping,
  }: {
    readonly store: WriteStore
    readonly target: WriteTarget
    readonly sender: RecordSender
    readonly mapping: Parameters<typeof mapRecord>[1]
  },
): Promise<RetriedRejects> {
  const { connection, stream } = target
  const outgoing = new Map<string, OutgoingRecord>()
  const placeholders: string[] = []
  let unmapped = 0
  for (const { key, record } of records) {
    try {
      const mapped = mapRecord(parseExact(record) as RecordData, mapping)
      outgoing.set(mapped.key, { record: mapped, source: () => record })
      if (mapped.key !== key) placeholders.push(key)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      unmapped += 1
    }
  }
  const gone = records.filter(({ code }) => code === 'not_found').map(({ key }) => key)
  if (gone.length > 0) await store.forgetSent(target, gone)
  const { rejected } = await sender.send([...outgoing.values()])
  // They have the key of the record from now on, if they are rejected again.
  if (placeholders.length > 0)
    await store.discardRejects(connection, { stream, keys: placeholders })
  const refused = rejected.size + unmapped
  return { tried: records.length, written: records.length - refused, rejected: refused }
}

function streamOf(stream: StreamId | undefined): { readonly stream?: string } {
  return stream === undefined ? {} : { stream: streamKey(stream) }
}

function idOf(key: string): StreamId {
  const [namespace, name] = JSON.parse(key) as [string | null, string]
  return { name, ...(namespace !== null && { namespace }) }
}
