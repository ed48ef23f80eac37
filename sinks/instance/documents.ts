import { z } from 'zod'
import { streamIdOf, streamKey } from '../../protocol/index.ts'
import type { StoredDocument } from '../bookkeeping/bookkeeping-store.ts'
import { idOfRecord, type StoredStream } from '../bookkeeping/stored-connection.ts'
import {
  type RunRecord,
  runRecord,
  type StreamRecord,
  streamRecord,
} from '../bookkeeping/stored-records.ts'
import type { SinkStream } from '../sink.ts'
import type { WriteStore } from './store/write-store.ts'

/** None: the records that were sent are in tables of their own. */
const noFacts = z.object({})

type Facts = z.infer<typeof noFacts>
export type WriteRecord = StreamRecord<Facts>

export const writeRecord: z.ZodType<WriteRecord> = streamRecord(noFacts)

export function runsOf(
  store: Pick<WriteStore, 'document'>,
  connection: string,
): StoredDocument<RunRecord> {
  return store.document(connection, '', runRecord)
}

export function streamOf(
  store: Pick<WriteStore, 'document'>,
  { connection, stream }: Pick<SinkStream, 'connection' | 'stream'>,
): StoredDocument<WriteRecord> {
  return store.document(connection, streamKey(streamIdOf(stream.stream)), writeRecord)
}

/** The streams that a connection has written. */
export async function writtenStreams(
  store: Pick<WriteStore, 'document' | 'streamDocuments'>,
  connection: string,
): Promise<readonly StoredStream<Facts>[]> {
  const documents = await store.streamDocuments(connection)
  return documents.map(({ stream: key, content }) => {
    const record = writeRecord.parse(JSON.parse(content))
    const document = store.document(connection, key, writeRecord)
    return { id: idOfRecord(record), record, document }
  })
}
