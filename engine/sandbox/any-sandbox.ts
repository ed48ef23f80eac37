import { ConnectError } from '../../protocol/index.ts'
import type { SandboxPort } from '../../sinks/destination-kind.ts'
import { type DestinationConfig, kindOf } from '../../sinks/registry.ts'
import type { RunPlan } from '../run-types.ts'
import { runSandbox } from './run-sandbox.ts'
import { runTopicSandbox } from './run-topic-sandbox.ts'
import { runWriteSandbox } from './run-write-sandbox.ts'
import type { SandboxOptions, SandboxPorts, SandboxReport } from './sandbox-report.ts'

/** A plan as a connection has it. */
export type DestinationPlan = RunPlan & { readonly destination: DestinationConfig }

interface SandboxRunner {
  run(plan: DestinationPlan, options: SandboxOptions, ports: SandboxPorts): Promise<SandboxReport>
}

const runners: Readonly<Record<SandboxPort['shows'], SandboxRunner>> = {
  tables: { run: runSandbox },
  messages: { run: runTopicSandbox },
  writes: { run: runWriteSandbox },
}

/** The sandbox of a plan, wherever its rows go. Throws `destination_not_available` if there is none. */
export async function runAnySandbox(
  plan: DestinationPlan,
  options: SandboxOptions,
  ports: SandboxPorts,
): Promise<SandboxReport> {
  return runners[sandboxOf(plan.destination).shows].run(plan, options, ports)
}

/** The sandbox of the destination. Throws `destination_not_available` if it has none. */
export function sandboxOf(destination: DestinationConfig): SandboxPort {
  const { type, sandbox } = kindOf(destination)
  if (sandbox !== undefined) return sandbox
  throw new ConnectError('destination_not_available', {
    details: {
      destination: type,
      reason: 'a destination of this type has no sandbox',
      fix: 'Activate the connection without one, and look at the rows of its first run.',
    },
  })
}
