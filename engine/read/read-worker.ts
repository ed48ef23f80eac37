import type { ConnectorContext, RecordOutput, WebhookEvent } from '../../connectors/connector.ts'
import { connectorOf, preloadConnector } from '../../connectors/registry.ts'
import { BlockEncoder } from '../../protocol/avro/block-encoder.ts'
import {
  ConnectError,
  endsOfSecret,
  largestRecordBytes,
  streamLabel,
} from '../../protocol/index.ts'
import type { JsonValue } from '../../protocol/index.ts'
import type { SliceCheckpoint } from '../../sinks/sink.ts'
import { openLaneWriter, preloadLane } from '../log/lane.ts'
import { largestStoredRecordBytes, type LaneWriter } from '../log/stream-log.ts'
import type { JobResult, ReadEvent, ReadLaneJob, ReadTotals } from '../threads/protocol.ts'
import { ConfigBorrower, expectedJobs, runJob, type JobContext } from '../threads/worker-side.ts'
import { CommittedStates } from './committed-states.ts'
import { LaneOutput } from './lane-output.ts'
import { LimitedOutput } from './limited-output.ts'
import { saysInState } from '../threads/says-in-state.ts'
import { RulingOutput } from './ruling-output.ts'
import { StreamWarnings } from './stream-warnings.ts'
import { transformingOutput } from './transform/open-transform.ts'
import type { TransformingOutput } from './transform/transforming-output.ts'

/** Totals are posted at most this often, in milliseconds. */
const reportEveryMs = 200

/** How larger records get through. The embedded log has no limit that can be raised. */
function limitAdvice({ maxRecordBytes }: ReadLaneJob): { readonly limitAdvice?: string } {
  if (maxRecordBytes > largestRecordBytes) return {}
  const storage = `set \`storage\`, for records of up to ${String(largestStoredRecordBytes)} bytes`
  if (maxRecordBytes === largestRecordBytes) return { limitAdvice: storage }
  return {
    limitAdvice: `raise \`max.message.bytes\` of the topics of the connection, up to ${String(largestRecordBytes)} bytes a record, or ${storage}`,
  }
}

const expected = expectedJobs()
if (expected !== undefined) {
  preloadConnector(expected.source)
  preloadLane('writer', expected.log)
}

export async function readLane(job: ReadLaneJob): Promise<JobResult<'complete' | 'stopped'>> {
  return runJob(job, (context) => readSlices(job, context))
}

async function readSlices(job: ReadLaneJob, context: JobContext): Promise<'complete' | 'stopped'> {
  await using writer = await openLaneWriter(
    job.writer,
    {
      syncId: job.syncId,
      attempt: job.attempt,
      attemptKeys: job.attemptKeys,
      columns: job.columns,
      slices: job.slices,
      ...(job.position !== undefined && { position: job.position }),
    },
    context.logger,
  )
  const { from, slices, position, warning } = writer.resume
  post(job, {
    type: 'opened',
    slices: slices.map(({ slice, seq, complete }) => ({ slice, seq, complete })),
    from,
    ...(position !== undefined && { position }),
  })
  const warnings = new StreamWarnings(job.events)
  if (warning !== undefined) warnings.warn(warning)
  const commits = committedStates(job)
  const output = new LaneOutput({
    encoder: new BlockEncoder({
      columns: job.columns,
      maxRecordBytes: job.maxRecordBytes,
      rejectionKeyFields: job.primaryKey,
      ...limitAdvice(job),
      ...(job.keyFields !== undefined && { keyFields: job.keyFields }),
    }),
    writer,
    now: Date.now,
    ...(job.passesCopyRows && { passedBytes: largestRecordBytes }),
    onTotals: reporter(job),
    onRateLimited: (untilMs) => {
      post(job, { type: 'rate_limited', untilMs })
    },
    beforeState: () => warnings.untilKept(),
    commits,
  })
  using transforming = transformingOutput(job, { output, signal: context.signal })
  const target = transforming ?? output
  const limited = limitedOutput(job, target)
  // A read that waits for room in the log also reports.
  const timer = setInterval(() => {
    post(job, { type: 'read', ...output.totals })
  }, reportEveryMs)
  try {
    let outcome: 'complete' | 'stopped' = 'complete'
    await using borrower = new ConfigBorrower(job.events, context.signal)
    for (const slice of writer.resume.slices) {
      if (outcome === 'complete' && !slice.complete)
        outcome = await readSlice(
          { job, context, writer, output, target, limited, borrower, warnings },
          slice,
        )
    }
    await closeLane(job, { writer, output })
    await commits?.untilCommitted()
    return outcome
  } finally {
    clearInterval(timer)
    post(job, { type: 'read', ...output.totals })
    if (limited !== undefined) post(job, { type: 'observed', ...limited.observed })
  }
}

/** A feed has one slice. The log may have newer states than the destination. */
function committedStates({ feed, events, slices }: ReadLaneJob): CommittedStates | undefined {
  return feed && new CommittedStates(events, slices[0]?.state ?? null)
}

async function closeLane(
  { attempt }: ReadLaneJob,
  { writer, output }: { readonly writer: LaneWriter; readonly output: LaneOutput },
): Promise<void> {
  const { records, rejected } = output.totals
  await writer.append({ type: 'close', attempt, records: records - rejected })
  await writer.flush()
}

function limitedOutput(
  { limitRows }: ReadLaneJob,
  target: LaneOutput | TransformingOutput,
): LimitedOutput | undefined {
  if (limitRows === undefined) return undefined
  return new LimitedOutput(target, limitRows, 'observed' in target ? target.observed : undefined)
}

interface SliceReading {
  readonly job: ReadLaneJob
  readonly context: JobContext
  readonly writer: LaneWriter
  readonly output: LaneOutput
  /** The connector writes there: the output, or what transforms the records before. */
  readonly target: LaneOutput | TransformingOutput
  readonly limited: LimitedOutput | undefined
  readonly borrower: ConfigBorrower
  readonly warnings: StreamWarnings
}

async function readSlice(
  reading: SliceReading,
  { slice, seq, state }: SliceCheckpoint,
): Promise<'complete' | 'stopped'> {
  const { job, context, writer, output, target, limited, warnings } = reading
  if (context.signal.aborted) return 'stopped'
  await writer.append({
    type: 'begin',
    syncId: job.syncId,
    attempt: job.attempt,
    slice,
    seq,
    columns: job.columns,
  })
  output.startSlice(slice, seq)
  const { config, events } = job.source
  const { rules, stream } = job
  const connector = await connectorOf(job.source.type)
  const isRuled = rules !== undefined && connector.appliesRules !== true
  const read = (to: RecordOutput, signal: AbortSignal): Promise<'complete' | 'stopped'> => {
    const readContext = contextOf(reading, signal)
    const out = isRuled ? new RulingOutput(to, { rules, stream, now: Date.now }) : to
    if (events !== undefined) return readEvents(job, { events, out, context: readContext })
    const { session, backfills, feed } = job
    const options = {
      ...(rules && { rules }),
      ...(backfills === true && { backfills }),
      ...(feed?.isContinuous === true && { isContinuous: true }),
    }
    const task = { config, stream, slice, state, session, ...options }
    return connector.read(task, out, readContext)
  }
  const outcome = await (
    limited === undefined
      ? read(target, context.signal)
      : readLimited(limited, { reading, state, read })
  ).catch(async (thrown: unknown) => {
    if (saysInState(ConnectError.from(thrown)) && target.covered) {
      await writer.append({ type: 'end', slice, seq: output.seq, outcome: 'stopped' })
      await closeLane(job, { writer, output })
    }
    throw thrown
  })
  if (!target.covered)
    throw new ConnectError('state_missing', {
      details: { stream: streamLabel(job.stream.stream), slice, connector: job.source.type },
    })
  await warnings.untilKept()
  await writer.append({ type: 'end', slice, seq: output.seq, outcome })
  if (outcome === 'complete') post(job, { type: 'slice_read', slice, seq: output.seq })
  return outcome
}

function contextOf(
  { job, context, limited, borrower, warnings }: SliceReading,
  signal: AbortSignal,
): ConnectorContext {
  return {
    logger: context.logger,
    signal,
    allowedNetworks: job.source.allowedNetworks ?? [],
    configChanged: (config) => {
      post(job, { type: 'config_changed', config })
    },
    secretFound: (text) => {
      for (const part of endsOfSecret(text)) post(job, { type: 'secret_found', text: part })
    },
    warn: (text) => {
      warnings.warn(text)
    },
    changeConfig: (change) => borrower.change(change),
    ...(limited !== undefined && { onRequest: limited.onRequest.bind(limited) }),
    now: Date.now,
  }
}

/** All of them, or it is not complete: there is no state in the middle. */
async function readEvents(
  { source: { type, config }, stream }: ReadLaneJob,
  {
    events,
    out,
    context,
  }: {
    readonly events: readonly WebhookEvent[]
    readonly out: RecordOutput
    readonly context: ConnectorContext
  },
): Promise<'complete'> {
  const { events: reader } = await connectorOf(type)
  if (reader === undefined) throw new TypeError(`events of ${type} carry no records`)
  await reader.read({ config, stream, events }, out, context)
  await out.state(null)
  return 'complete'
}

/** A limited read keeps its records: nobody continues from the state that covers them. */
async function readLimited(
  limited: LimitedOutput,
  {
    reading: { context, target },
    state,
    read,
  }: {
    readonly reading: SliceReading
    readonly state: JsonValue
    readonly read: (out: RecordOutput, signal: AbortSignal) => Promise<'complete' | 'stopped'>
  },
): Promise<'complete' | 'stopped'> {
  const signal = AbortSignal.any([context.signal, limited.signal])
  let outcome: 'complete' | 'stopped' = 'stopped'
  try {
    outcome = await read(limited, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
  if (signal.aborted) outcome = 'stopped'
  if (!target.covered) await target.state(state)
  return outcome
}

function reporter(job: ReadLaneJob): (totals: ReadTotals) => void {
  let reportedAt = 0
  return (totals) => {
    const now = performance.now()
    if (now - reportedAt < reportEveryMs) return
    reportedAt = now
    post(job, { type: 'read', ...totals })
  }
}

function post(job: ReadLaneJob, event: ReadEvent): void {
  job.events.postMessage(event)
}
