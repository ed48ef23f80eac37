import { parentPort } from 'node:worker_threads'
import { openLaneReader, openLaneWriter } from '../../../engine/log/lane.ts'
import type {
  LaneAddress,
  LaneReaderOptions,
  LaneResume,
  LaneWriter,
  LaneWriterOptions,
  LogEntry,
} from '../../../engine/log/stream-log.ts'
import { ConnectError, type ErrorBody } from '../../../protocol/index.ts'
import { sampleEntries, type SampleSlice } from './sample-records.ts'
import { silent as logger } from '../../support/logger.ts'

export type LaneJob =
  | {
      readonly role: 'writer'
      readonly address: LaneAddress
      readonly options: LaneWriterOptions
      readonly slices: readonly SampleSlice[]
      /**
       * `close` ends the lane well; `exit` ends the thread without a word, in the middle of a unit if
       * `stopAfter` is given.
       */
      readonly then: 'close' | 'exit'
      readonly stopAfter?: number
    }
  | {
      readonly role: 'reader'
      readonly address: LaneAddress
      readonly options: LaneReaderOptions
      /** Ends the thread after this many entries. */
      readonly exitAfter?: number
    }

/** One entry, without its bytes. */
export interface SeenEntry {
  readonly type: string
  readonly slice?: string
  readonly seq?: number
  readonly count?: number
  readonly attempt?: number
  readonly next?: string
}

export type LaneReport =
  | { readonly resume: LaneResume }
  | { readonly appended: number }
  | { readonly seen: SeenEntry }
  | { readonly done: { readonly records: number } }
  | { readonly error: ErrorBody }

function report(message: LaneReport): void {
  parentPort?.postMessage(message)
}

async function run(job: LaneJob): Promise<void> {
  try {
    const records = job.role === 'writer' ? await write(job) : await read(job)
    report({ done: { records } })
  } catch (error) {
    report({ error: ConnectError.from(error).toJSON() })
  }
}

async function write(job: Extract<LaneJob, { role: 'writer' }>): Promise<number> {
  await using writer = await openLaneWriter(job.address, job.options, logger)
  report({ resume: writer.resume })
  const { syncId, attempt } = job.options
  let records = 0
  for (const slice of job.slices) {
    const resumed = writer.resume.slices.find(({ slice: name }) => name === slice.slice)
    if (resumed?.complete === true) continue
    for (const entry of sampleEntries({ ...slice, from: resumed?.seq ?? 0 }, { syncId, attempt })) {
      if (isTheEnd(job, { entry, records })) await exit(writer)
      await writer.append(entry)
      if (entry.type !== 'records') continue
      records += entry.count
      report({ appended: entry.bytes.byteLength })
    }
  }
  await writer.append({ type: 'close', attempt, records })
  await writer.flush()
  return records
}

function isTheEnd(
  { then, stopAfter }: Extract<LaneJob, { role: 'writer' }>,
  now: { readonly entry: LogEntry; readonly records: number },
): boolean {
  if (then === 'close') return false
  return stopAfter === undefined ? now.entry.type === 'end' : now.records > stopAfter
}

/** Complete units get out; the open unit dies with the thread. */
async function exit(writer: LaneWriter): Promise<never> {
  await writer.flush()
  process.exit(0)
}

async function read(job: Extract<LaneJob, { role: 'reader' }>): Promise<number> {
  await using reader = await openLaneReader(job.address, job.options, logger)
  const { signal } = new AbortController()
  let records = 0
  let entries = 0
  for (let item = await reader.next(signal); item !== undefined; item = await reader.next(signal)) {
    const { entry, next } = item
    if (entry.type === 'records') records += entry.count
    const place = 'slice' in entry ? { slice: entry.slice, seq: entry.seq } : {}
    report({
      seen: {
        type: entry.type,
        ...place,
        ...('count' in entry && { count: entry.count }),
        ...('attempt' in entry && { attempt: entry.attempt }),
        ...(next !== undefined && { next }),
      },
    })
    entries += 1
    if (entry.type === 'state') {
      reader.release()
      await reader.noteCommitted(next)
    }
    if (entries === job.exitAfter) process.exit(0)
  }
  return records
}

parentPort?.on('message', (job: LaneJob) => {
  void run(job)
})
