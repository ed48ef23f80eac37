import { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import { EmbeddedLog } from '../../../engine/log/embedded/embedded-log.ts'
import { openLaneReader, openLaneWriter } from '../../../engine/log/lane.ts'
import { openStreamLog } from '../../../engine/log/open-stream-log.ts'
import type {
  LaneEndpoint,
  LaneReaderOptions,
  LaneResume,
  LaneWriter,
  LogEntry,
  OpenedStream,
  StreamLog,
} from '../../../engine/log/stream-log.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { SliceCheckpoint } from '../../../sinks/sink.ts'
import { atEndOfFile } from '../../support/end-of-file.ts'
import { testKafka } from '../../support/kafka.ts'
import type { LaneJob, LaneReport, SeenEntry } from './lane-worker.ts'
import { sampleColumns, sampleStream } from './sample-records.ts'
import { silent as logger } from '../../support/logger.ts'

export type Kind = 'embedded' | 'kafka block' | 'kafka record'

export interface Lane {
  readonly log: StreamLog
  readonly endpoint: LaneEndpoint
  readonly maxRecordBytes: number
  readonly connection: string
  /** For a log with other readers. */
  readonly announce: NonNullable<OpenedStream['announce']>
}

export async function openLane(
  kind: Kind,
  options: { readonly maxQueueBytes?: number } = {},
): Promise<Lane> {
  const log = kind === 'embedded' ? new EmbeddedLog(options) : await openKafkaLog(kind)
  // With the test file: tests run concurrently. The threads, which stand on the logs, end before them.
  atEndOfFile(() => log[Symbol.asyncDispose]())
  const connection = kind === 'embedded' ? 'c' : testKafka().prefix
  const { lanes, maxRecordBytes, announce } = await log.openStream({
    connection,
    stream: sampleStream,
    partitions: 1,
  })
  const [endpoint] = lanes
  if (endpoint === undefined) throw new Error('no lane')
  const nobody = (): Promise<never> => Promise.reject(new Error('the log has no other readers'))
  return { log, endpoint, maxRecordBytes, connection, announce: announce ?? nobody }
}

export async function openKafkaLog(kind: Exclude<Kind, 'embedded'>): Promise<StreamLog> {
  const framing = kind === 'kafka block' ? 'block' : 'record'
  return openStreamLog({ kind: 'kafka', brokers: testKafka().brokers, framing, ssl: false }, logger)
}

export function checkpoint(slice: string, seq: number, complete = false): SliceCheckpoint {
  return { slice, partition: 0, seq, complete, state: { at: seq } }
}

export async function openWriter(
  endpoint: LaneEndpoint,
  options: {
    readonly attempt?: number
    readonly slices?: readonly SliceCheckpoint[]
    readonly position?: string
  } = {},
): Promise<LaneWriter> {
  const { attempt = 1, slices = [], position } = options
  return openLaneWriter(
    endpoint.writer.address,
    {
      syncId: 1,
      attempt,
      attemptKeys: keysUpTo(attempt),
      columns: sampleColumns,
      slices,
      ...(position !== undefined && { position }),
    },
    logger,
  )
}

export function keysUpTo(attempt: number): string[] {
  return Array.from({ length: attempt }, (_, index) => `attempt ${String(index + 1)}`)
}

export async function append(writer: LaneWriter, entries: Iterable<LogEntry>): Promise<void> {
  for (const entry of entries) await writer.append(entry)
}

export async function readAll(
  endpoint: LaneEndpoint,
  options: LaneReaderOptions = {},
): Promise<LogEntry[]> {
  await using reader = await openLaneReader(endpoint.reader.address, options, logger)
  const { signal } = new AbortController()
  const entries: LogEntry[] = []
  for (let item = await reader.next(signal); item !== undefined; item = await reader.next(signal)) {
    // A released entry belongs to the log again.
    entries.push(structuredClone(item.entry))
    reader.release()
  }
  return entries
}

export function expectContiguous(seen: readonly SeenEntry[]): void {
  let seq = 0
  for (const entry of seen) {
    expect(entry.seq).toBe(seq)
    if (entry.type === 'records') seq += entry.count ?? 0
  }
}

export interface Running {
  readonly resumed: Promise<LaneResume>
  readonly done: Promise<{ readonly records: number }>
  /** The thread has ended, which it does in the middle of a job only. */
  readonly exited: Promise<unknown>
  readonly seen: SeenEntry[]
}

export function startWriter(
  { writer }: LaneEndpoint,
  options: {
    readonly slices: Extract<LaneJob, { role: 'writer' }>['slices']
    readonly then?: 'close' | 'exit'
    /** `exit` only: the thread ends at the first state after this many records. */
    readonly stopAfter?: number
    readonly attempt?: number
    readonly checkpoints?: readonly SliceCheckpoint[]
    readonly position?: string
    readonly onAppended?: (bytes: number) => void
  },
): Running {
  const { slices, then = 'close', attempt = 1, position, onAppended } = options
  const checkpoints = options.checkpoints ?? slices.map(({ slice }) => checkpoint(slice, 0))
  const lane = {
    syncId: 1,
    attempt,
    attemptKeys: keysUpTo(attempt),
    columns: sampleColumns,
    slices: checkpoints,
    ...(position !== undefined && { position }),
  }
  const { stopAfter } = options
  const job: LaneJob = {
    role: 'writer',
    address: writer.address,
    options: lane,
    slices,
    then,
    ...(stopAfter !== undefined && { stopAfter }),
  }
  return start(job, { transfer: writer.transfer, ...(onAppended !== undefined && { onAppended }) })
}

export function startReader(
  { reader }: LaneEndpoint,
  options: { readonly exitAfter?: number; readonly from?: LaneReaderOptions } = {},
): Running {
  const { from = {}, exitAfter } = options
  const job: LaneJob = {
    role: 'reader',
    address: reader.address,
    options: from,
    ...(exitAfter !== undefined && { exitAfter }),
  }
  return start(job, { transfer: reader.transfer })
}

/** Threads that have ended a job well and wait for the next: to start one takes 0.2 s of CPU. */
const idle: Worker[] = []

/** Those that ended while they waited: they would take a job and never answer. */
const ended = new WeakSet<Worker>()

function openWorker(): Worker {
  for (let worker = idle.pop(); worker !== undefined; worker = idle.pop())
    if (!ended.has(worker)) return worker
  const worker = new Worker(new URL('./lane-worker.ts', import.meta.url))
  worker.once('exit', () => ended.add(worker))
  return worker
}

function start(
  job: LaneJob,
  options: {
    readonly transfer: LaneEndpoint['writer']['transfer']
    readonly onAppended?: (bytes: number) => void
  },
): Running {
  const worker = openWorker()
  worker.postMessage(job, [...options.transfer])
  let isBusy = true
  atEndOfFile(async () => {
    if (isBusy) await worker.terminate()
  })
  const resumed = Promise.withResolvers<LaneResume>()
  const done = Promise.withResolvers<{ readonly records: number }>()
  const exited = Promise.withResolvers<unknown>()
  const seen: SeenEntry[] = []
  const onReport = (report: LaneReport): void => {
    if ('seen' in report) seen.push(report.seen)
    else if ('appended' in report) options.onAppended?.(report.appended)
    else if ('resume' in report) resumed.resolve(report.resume)
    else if ('done' in report) {
      isBusy = false
      worker.off('message', onReport).off('error', onError).off('exit', exited.resolve)
      idle.push(worker)
      done.resolve(report.done)
    } else onError(ConnectError.fromJSON(report.error))
  }
  const onError = (error: unknown): void => {
    done.reject(error)
    resumed.reject(error)
  }
  worker.on('message', onReport).on('error', onError).on('exit', exited.resolve)
  done.promise.catch(() => undefined)
  resumed.promise.catch(() => undefined)
  return { resumed: resumed.promise, done: done.promise, exited: exited.promise, seen }
}
