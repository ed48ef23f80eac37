import { z } from 'zod'
import { streamIdOf } from '../protocol/index.ts'
import type { SinkStream } from '../sinks/sink.ts'
import type { RunPlan } from './run-types.ts'

const address = z.object({
  host: z.string(),
  port: z.number().default(5432),
  database: z.string(),
})

/** Whether the stream would be loaded into the very table that it is read from, as far as the two configurations show it. */
export function isOwnSource(
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
