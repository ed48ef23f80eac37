import { connectorOf } from '../../connectors/registry.ts'
import { ConnectError, streamLabel } from '../../protocol/index.ts'
import { hasHash, missingMaskKey } from '../../protocol/rules/record-rules.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { kindOf } from '../../sinks/registry.ts'
import type { PlannedStream, RunPlan } from '../run-types.ts'

/** Why a stream of the plan cannot run, as far as it is known before any request. */
export async function streamRefusal(
  plan: RunPlan,
  sink: PlannedStream,
): Promise<ConnectError | undefined> {
  return (
    nameRefusal(sink) ??
    modeRefusal(plan, sink) ??
    (await destinationRefusal(plan, sink)) ??
    transformRefusal(plan, sink) ??
    maskRefusal(plan, sink)
  )
}

/** The checkpoints have the stream's name as text, and no text of PostgreSQL holds U+0000. */
function nameRefusal({ stream: { stream } }: SinkStream): ConnectError | undefined {
  const { name, namespace = '' } = stream
  if (!name.includes('\0') && !namespace.includes('\0')) return undefined
  const label = streamLabel(stream).replaceAll('\0', '\\u0000')
  return new ConnectError('stream_name_invalid', { details: { stream: label } })
}

/** Rows that are replaced at the end of a sync would never be seen: a continuous run has no end. */
function modeRefusal(
  { isContinuous }: Pick<RunPlan, 'isContinuous'>,
  { stream, mode }: SinkStream,
): ConnectError | undefined {
  if (isContinuous !== true) return undefined
  if (stream.sync_mode === 'incremental' && !mode.startsWith('overwrite')) return undefined
  const details = {
    place: `stream ${streamLabel(stream.stream)}`,
    field: 'continuous',
    problem: `a stream that is read with ${stream.sync_mode} and loaded with ${mode} has an end`,
    fix: 'Set `sync_mode: incremental` and `destination_sync_mode: append_dedup`, or leave the stream out.',
  }
  return new ConnectError('stream_mode_unsupported', { details })
}

/** A source whose reads all have an end can be run again and again, by a schedule. */
export function sourceRefusal({ connection, source }: RunPlan): ConnectError {
  const details = {
    place: `connection ${connection}`,
    field: 'continuous',
    problem: `a source ${source.type} with this configuration has no feed of changes, so each of its runs ends`,
    fix: 'Remove `continuous` and run the connection on a schedule; or use a source with a feed, such as `postgres` with `replication: cdc`.',
  }
  return new ConnectError('stream_mode_unsupported', { details })
}

/** The destination cannot load the stream, or not into this place. */
async function destinationRefusal(
  { source, destination, streams }: Pick<RunPlan, 'source' | 'destination' | 'streams'>,
  sink: SinkStream,
): Promise<ConnectError | undefined> {
  const { descriptor } = await connectorOf(source.type)
  const from = descriptor.postgresDatabase?.(source.config)
  return kindOf(destination).refusal?.(destination, sink, { streams, source: from })
}

function transformRefusal(
  { functions }: Pick<RunPlan, 'functions'>,
  { stream, transform }: PlannedStream,
): ConnectError | undefined {
  if (transform === undefined || functions !== undefined) return undefined
  const details = { stream: streamLabel(stream.stream), function: transform }
  return new ConnectError('transform_not_available', { details })
}

function maskRefusal(
  { maskKey }: Pick<RunPlan, 'maskKey'>,
  { stream, source }: PlannedStream,
): ConnectError | undefined {
  if (maskKey !== undefined || source === undefined || !hasHash(source.rules)) return undefined
  return new ConnectError('stream_rule_invalid', {
    details: {
      place: `stream ${streamLabel(stream.stream)}`,
      field: 'mask',
      ...missingMaskKey,
    },
  })
}
