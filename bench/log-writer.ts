import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { pino } from 'pino'
import { z } from 'zod'
import { openLaneWriter } from '../engine/log/lane.ts'
import type { LaneAddress } from '../engine/log/stream-log.ts'
import { BlockEncoder, type EncodedBlock } from '../protocol/avro/block-encoder.ts'
import { benchColumns, benchRecord } from './bench-records.ts'

/** The input of the writing thread of `bench log`. */
export interface LogWork {
  readonly address: LaneAddress
  readonly rows: number
}

/** Rows of one block, and blocks of one unit: 256 KiB and about 4 MiB. */
const blockRows = 1_000
const unitBlocks = 16

async function main({ address, rows }: LogWork): Promise<void> {
  const slice = { slice: '', partition: 0, state: null, seq: 0, complete: false }
  await using writer = await openLaneWriter(
    address,
    { syncId: 1, attempt: 1, attemptKeys: ['first'], columns: benchColumns, slices: [slice] },
    pino({ level: 'silent' }),
  )
  const blocks = Array.from({ length: Math.ceil(rows / blockRows) }, (_, index) =>
    Math.min(blockRows, rows - index * blockRows),
  ).map((count) => encodedOnce(count))
  if (parentPort === null) throw new Error('runs in a worker thread only')
  parentPort.postMessage('ready')
  await once(parentPort, 'message')
  const begin = { type: 'begin', syncId: 1, attempt: 1, slice: '', seq: 0 } as const
  await writer.append({ ...begin, columns: benchColumns })
  let seq = 0
  let covered = 0
  for (const [index, block] of blocks.entries()) {
    // The log takes the bytes for good: a copy, which costs as much as the encoder's last step.
    await writer.append({
      type: 'records',
      slice: '',
      seq,
      ...block,
      bytes: new Uint8Array(block.bytes),
    })
    seq += block.count
    if ((index + 1) % unitBlocks !== 0 && seq < rows) continue
    await writer.append({
      type: 'state',
      slice: '',
      seq,
      count: seq - covered,
      state: { at: seq },
    })
    covered = seq
  }
  await writer.append({ type: 'end', slice: '', seq, outcome: 'complete' })
  await writer.append({ type: 'close', attempt: 1, records: rows })
  await writer.flush()
}

const encoded = new Map<number, EncodedBlock>()

/** The same records in each block: their content does not matter to the log. */
function encodedOnce(count: number): EncodedBlock {
  const known = encoded.get(count)
  if (known !== undefined) return known
  const encoder = new BlockEncoder({
    columns: benchColumns,
    maxRecordBytes: 8 * 1024 * 1024,
    blockBytes: 16 * 1024 * 1024,
    keyFields: ['id'],
  })
  encoder.records(
    Array.from({ length: count }, (_, index) => benchRecord(index + 1)),
    0,
    Date.UTC(2026, 0, 1),
  )
  const block = encoder.take()
  if (block?.count !== count) throw new Error('the block was cut')
  encoded.set(count, block)
  return block
}

await main(z.custom<LogWork>().parse(workerData))
parentPort?.close()
