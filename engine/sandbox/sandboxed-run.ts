import { ConnectError } from '../../protocol/index.ts'
import { unreadMetrics } from '../metrics/run-metrics.ts'
import { runConnection } from '../run/run-connection.ts'
import { inProcess, type RunPlan, type StreamResult } from '../run-types.ts'
import type { SandboxOptions, SandboxPorts } from './sandbox-report.ts'

const defaultReadMs = 60_000

/** Runs the plan of a sandbox as a run like any other, with its limits, and without topics of a log. */
export async function runSandboxed(
  plan: RunPlan,
  { id, limitRows, readMs = defaultReadMs }: SandboxOptions,
  ports: SandboxPorts,
): Promise<readonly StreamResult[]> {
  if (plan.streams.length === 0) return []
  const sandboxed: RunPlan = {
    connection: plan.connection,
    source: plan.source,
    ...(plan.functions && { functions: plan.functions }),
    ...(plan.maskKey !== undefined && { maskKey: plan.maskKey }),
    streams: plan.streams,
    destination: plan.destination,
    log: inProcess(plan.log),
    limits: { ...plan.limits, partitionsPerStream: 1, limitRows },
  }
  // Nobody confirms it: no other start will follow, and the bookkeeping goes with the sandbox.
  const { result } = await runConnection(
    sandboxed,
    {
      logger: ports.logger.child({ sandbox: id }),
      threads: ports.threads,
      // A sandbox is not a run of the connection: it is not counted.
      metrics: unreadMetrics,
      now: () => ports.now(),
      onProgress: () => undefined,
      ...(ports.onConfigChanged && { onConfigChanged: ports.onConfigChanged.bind(ports) }),
      ...(ports.onSecretFound && { onSecretFound: ports.onSecretFound.bind(ports) }),
      ...(ports.changeConfig && { changeConfig: ports.changeConfig }),
    },
    AbortSignal.any([ports.signal, AbortSignal.timeout(readMs)]),
  )
  return result.streams
}

/** Throws `sandbox_stopped` if the signal ended it. */
export function requireGoing(signal: AbortSignal, { connection }: RunPlan): void {
  if (signal.aborted) throw new ConnectError('sandbox_stopped', { details: { connection } })
}
