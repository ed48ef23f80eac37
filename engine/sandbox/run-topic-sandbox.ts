import { ConnectError, streamIdOf, type StreamId } from '../../protocol/index.ts'
import { isOverwriteMode } from '../../sinks/continuation.ts'
import type { PreviewedMessages, SinkStream } from '../../sinks/sink.ts'
import type { Checkpoints } from '../../sinks/topic/bookkeeping/checkpoints.ts'
import { takeSnapshot } from '../../sinks/topic/preview/take-snapshot.ts'
import {
  checkpointsIn,
  targetIn,
  type TopicSnapshot,
} from '../../sinks/topic/preview/topic-snapshot.ts'
import { allRejected } from '../../sinks/topic/sync/finish-sync.ts'
import type { TopicPlace } from '../../sinks/topic/topic-place.ts'
import type { StreamResult, TopicPlan } from '../run-types.ts'
import { streamRefusal } from '../run/stream-refusal.ts'
import { inferredSchema, schemaMismatches } from './inferred-schema.ts'
import { statusOf, totalsOf } from './report-totals.ts'
import type {
  SandboxOptions,
  SandboxPorts,
  SandboxReport,
  SandboxStream,
} from './sandbox-report.ts'
import { requireGoing, runSandboxed } from './sandboxed-run.ts'
import { costOf, lastSettings, nothingRead, streamIdentity } from './stream-facts.ts'

/**
 * Reads the plan's streams from where the next run would start, and shows the messages that it would send.
 * The cluster and the registry are only read: nothing is made, sent or registered, and nothing stays. A
 * failed stream is in the report. Throws as `runSandbox` does.
 */
export async function runTopicSandbox(
  plan: TopicPlan,
  options: SandboxOptions,
  ports: SandboxPorts,
): Promise<SandboxReport> {
  const { signal, logger } = ports
  const { destination: place, connection } = plan
  const createdAtMs = ports.now()
  try {
    const refusals = await refusalsOf(plan)
    const streams = plan.streams.filter((sink) => refusals.get(sink) === undefined)
    const snapshot = await takeSnapshot({ place, connection, streams, logger })
    requireGoing(signal, plan)
    const readAtMs = ports.now()
    const preview = {
      ...plan,
      streams,
      destination: { type: 'topic-preview', ...snapshot } as const,
    }
    const results = await runSandboxed(preview, options, ports)
    const readSeconds = (ports.now() - readAtMs) / 1000
    requireGoing(signal, plan)
    const resultOf = new Map(streams.map((sink, index) => [sink, results[index]]))
    const checkpoints = checkpointsIn(snapshot)
    const reports = plan.streams.map((sink) => {
      const result = resultOf.get(sink)
      return result === undefined
        ? refusedReport(sink, refusals.get(sink))
        : streamReport(sink, result, { snapshot, checkpoints })
    })
    return {
      id: options.id,
      schema: null,
      limit_rows: options.limitRows,
      status: statusOf(reports),
      seconds: (ports.now() - createdAtMs) / 1000,
      streams: reports,
      totals: totalsOf(reports, readSeconds),
    }
  } catch (error) {
    // An error that follows from the stop is not reported.
    requireGoing(signal, plan)
    throw error
  }
}

type PlannedSink = TopicPlan['streams'][number]

async function refusalsOf(
  plan: TopicPlan,
): Promise<ReadonlyMap<PlannedSink, ConnectError | undefined>> {
  const refusals = new Map<PlannedSink, ConnectError | undefined>()
  for (const sink of plan.streams) refusals.set(sink, await refusalOf(plan, sink))
  return refusals
}

async function refusalOf(plan: TopicPlan, sink: PlannedSink): Promise<ConnectError | undefined> {
  try {
    return await streamRefusal(plan, sink)
  } catch (error) {
    return ConnectError.from(error)
  }
}

function refusedReport(sink: SinkStream, refusal: ConnectError | undefined): SandboxStream {
  const error = refusal ?? new ConnectError('unexpected')
  return { ...streamIdentity(sink), ...nothingRead, error: error.toJSON() }
}

function streamReport(
  sink: SinkStream,
  result: StreamResult,
  {
    snapshot,
    checkpoints,
  }: { readonly snapshot: TopicSnapshot; readonly checkpoints: Checkpoints },
): SandboxStream {
  const { preview = nothingSent } = result
  const isComplete = result.status === 'complete'
  const { observed: { fields: observed } = { fields: [] } } = result
  const declared = sink.stream.stream.json_schema
  const records = preview.rows + preview.deletes + preview.rejected
  const stream = streamIdOf(sink.stream.stream)
  const target = targetIn(snapshot, stream)
  const refusal = emptied(sink, { preview, isComplete }, { topic: target.topic, stream })
  const error = result.error ?? refusal?.toJSON()
  return {
    ...streamIdentity(sink),
    ...nothingRead,
    last_settings: lastSettings(sink, checkpoints.stream(stream).record),
    read: records,
    rejected: preview.rejected,
    complete: isComplete,
    inferred_schema: inferredSchema(declared, { observed, records }),
    schema_mismatches: schemaMismatches(declared, { observed, records, refused: [] }),
    messages: messagesOf(preview, target, snapshot.place),
    estimated_cost: costOf(result, isComplete),
    warnings: [...result.warnings],
    ...(error !== undefined && { error }),
  }
}

const nothingSent: PreviewedMessages = {
  ...{ attempt: 0, rows: 0, deletes: 0, rejected: 0, bytes: 0 },
  ...{ partitions: [], samples: [] },
}

function messagesOf(
  { rows, deletes, bytes, partitions, samples }: PreviewedMessages,
  { topic, target }: ReturnType<typeof targetIn>,
  { format: { encoding: format, envelope } }: TopicPlace,
): NonNullable<SandboxStream['messages']> {
  return {
    ...{ topic, topic_exists: !target.isNew, format, envelope, compared_with: 'nothing' as const },
    ...{ rows, deletes, bytes, partitions, samples },
  }
}

/** An overwrite whose records are all rejected fails, instead of deleting all rows. */
function emptied(
  { mode }: SinkStream,
  { preview: { rows, deletes, rejected }, isComplete }: Previewed,
  { topic, stream }: { readonly topic: string; readonly stream: StreamId },
): ConnectError | undefined {
  const isEmptied = isComplete && isOverwriteMode(mode) && rows + deletes === 0 && rejected > 0
  return isEmptied ? allRejected(topic, stream, rejected) : undefined
}

interface Previewed {
  readonly preview: PreviewedMessages
  readonly isComplete: boolean
}
