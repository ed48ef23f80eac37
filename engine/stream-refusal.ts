import { ConnectError, streamLabel } from '../protocol/index.ts'
import type { SinkStream } from '../sinks/sink.ts'
import { ownSourceRefusal } from './own-source.ts'
import type { RunPlan } from './run-types.ts'

/** Why a stream of the plan cannot run, as far as it shows before anything is asked. */
export function streamRefusal(plan: RunPlan, sink: SinkStream): ConnectError | undefined {
  return nameRefusal(sink) ?? ownSourceRefusal(plan, sink)
}

/** The checkpoints have the stream's name as text, and no text of PostgreSQL holds U+0000. */
function nameRefusal({ stream: { stream } }: SinkStream): ConnectError | undefined {
  const { name, namespace = '' } = stream
  if (!name.includes('\0') && !namespace.includes('\0')) return undefined
  const label = streamLabel(stream).replaceAll('\0', '\\u0000')
  return new ConnectError('stream_name_invalid', { details: { stream: label } })
}
