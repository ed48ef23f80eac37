import type { Logger } from 'pino'
import type { SinkStream } from '../../sinks/sink.ts'
import { destinationFingerprint } from '../../sinks/postgres/sandbox/fingerprint.ts'
import { takeSnapshot } from '../../sinks/topic/preview/take-snapshot.ts'
import { snapshotFingerprint } from '../../sinks/topic/preview/topic-snapshot.ts'
import type { DestinationConfig, RunPlan } from '../run-types.ts'
import { runSandbox } from './run-sandbox.ts'
import { runTopicSandbox } from './run-topic-sandbox.ts'
import type { SandboxOptions, SandboxPorts, SandboxReport } from './sandbox-report.ts'

/** A plan as a connection has it. */
export type DestinationPlan = RunPlan & { readonly destination: DestinationConfig }

/** The sandbox of a plan, wherever its rows go. */
export function runAnySandbox(
  plan: DestinationPlan,
  options: SandboxOptions,
  ports: SandboxPorts,
): Promise<SandboxReport> {
  const { destination } = plan
  return destination.type === 'topic'
    ? runTopicSandbox({ ...plan, destination }, options, ports)
    : runSandbox({ ...plan, destination }, options, ports)
}

/** The basis of a sandbox's figures: another text if a run would begin in another way. Rows are not in it. */
export async function sandboxFingerprint(
  destination: DestinationConfig,
  {
    connection,
    streams,
    logger,
  }: {
    readonly connection: string
    readonly streams: readonly SinkStream[]
    readonly logger: Logger
  },
): Promise<string> {
  if (destination.type === 'postgres') return destinationFingerprint(destination, streams)
  return snapshotFingerprint(
    await takeSnapshot({ place: destination, connection, streams, logger }),
  )
}
