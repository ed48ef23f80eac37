import { connectorOf } from '../../connectors/registry.ts'
import { isSameDatabase } from '../../postgres/address.ts'
import { ConnectError, streamIdOf, streamLabel } from '../../protocol/index.ts'
import { hasHash } from '../../protocol/rules/record-rules.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { findSharedTopic } from '../../sinks/topic/topic-place.ts'
import type { PlannedStream, RunPlan } from '../run-types.ts'

/** Why a stream of the plan cannot run, as far as it is known before any request. */
export async function streamRefusal(
  plan: RunPlan,
  sink: PlannedStream,
): Promise<ConnectError | undefined> {
  return (
    nameRefusal(sink) ??
    (await ownSourceRefusal(plan, sink)) ??
    sharedTopicRefusal(plan, sink) ??
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

/** A stream that would be loaded into the very table that it is read from. */
async function ownSourceRefusal(
  { source, destination }: Pick<RunPlan, 'source' | 'destination'>,
  { stream }: Pick<SinkStream, 'stream'>,
): Promise<ConnectError | undefined> {
  const { descriptor } = await connectorOf(source.type)
  const from = descriptor.postgresDatabase?.(source.config)
  if (destination.type !== 'postgres') return undefined
  if (from === undefined || !isSameDatabase(from, destination.address)) return undefined
  const { namespace = 'public', name } = streamIdOf(stream.stream)
  const table = stream.destination_object_name ?? name
  if (table !== name || (destination.schema ?? namespace) !== namespace) return undefined
  const details = { stream: streamLabel(stream.stream) }
  return new ConnectError('destination_is_source', { details })
}

/** Another stream of the run would be loaded into the same topic. */
function sharedTopicRefusal(
  { destination, streams }: Pick<RunPlan, 'destination' | 'streams'>,
  { stream }: Pick<SinkStream, 'stream'>,
): ConnectError | undefined {
  if (destination.type !== 'topic') return undefined
  return findSharedTopic(
    destination,
    streamIdOf(stream.stream),
    streams.map((other) => streamIdOf(other.stream.stream)),
  )
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
      problem: 'a hash needs a key, and the run has none',
      fix: 'Add `mask_key: ${MASK_KEY}` to the run file, and set the variable, to the output of `openssl rand -hex 32`.',
    },
  })
}
