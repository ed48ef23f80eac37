import { z } from 'zod'
import { ConnectError, streamIdOf, streamLabel } from '../protocol/index.ts'
import type { SinkStream } from '../sinks/sink.ts'
import type { RunPlan } from './run-types.ts'

const address = z.object({
  host: z.string(),
  port: z.number().default(5432),
  database: z.string(),
})

/** `destination_is_source`, if the stream would be loaded into the very table that it is read from: a run refuses it before it begins. */
export function ownSourceRefusal(
  plan: Pick<RunPlan, 'source' | 'destination'>,
  sink: Pick<SinkStream, 'stream'>,
): ConnectError | undefined {
  if (!isOwnSource(plan, sink)) return undefined
  const details = { stream: streamLabel(sink.stream.stream) }
  return new ConnectError('destination_is_source', { details })
}

/** As far as the two configurations show it. */
function isOwnSource(
  { source, destination }: Pick<RunPlan, 'source' | 'destination'>,
  { stream }: Pick<SinkStream, 'stream'>,
): boolean {
  if (source.type !== 'postgres') return false
  const from = address.safeParse(source.config).data
  if (from === undefined) return false
  const to = destination.address
  const isSameDatabase =
    hostOf(from.host) === hostOf(to.host) && from.port === to.port && from.database === to.database
  const { namespace = 'public', name } = streamIdOf(stream.stream)
  const table = stream.destination_object_name ?? name
  return isSameDatabase && (destination.schema ?? namespace) === namespace && table === name
}

function hostOf(host: string): string {
  return host === 'localhost' || host === '::1' ? '127.0.0.1' : host.toLowerCase()
}
