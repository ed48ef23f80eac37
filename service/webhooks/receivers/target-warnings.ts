import { ConnectError } from '../../../protocol/index.ts'
import type { ConnectionStore } from '../../connections/contract.ts'
import type { Connection } from '../../connections/schema.ts'
import type { ShownFilter } from '../../platform/lists.ts'
import type { Interruption, TargetAdvice } from './contract.ts'
import { maskedTarget } from './masked-target.ts'
import { parseTarget } from './target.ts'

type Connections = Pick<ConnectionStore, 'get'>

export interface WarningsOptions {
  readonly advice: Pick<TargetAdvice, 'warningOf'>
  readonly interruptions: ReadonlyMap<string, Interruption>
  readonly connections: Connections
  /**
   * The connections that the reader may see (null: all). Nothing about the others is revealed, not even
   * whether they exist.
   */
  readonly shown: ShownFilter | null
}

/**
 * The reasons why events cannot reach targets, one sentence each. For each target only the first reason is
 * returned: the target is interrupted because of the others.
 */
export async function targetWarnings(
  targets: readonly string[],
  options: WarningsOptions,
): Promise<readonly string[]> {
  const warnings = await Promise.all(targets.map(async (target) => warningOf(target, options)))
  return warnings.filter((warning) => warning !== undefined)
}

async function warningOf(
  text: string,
  { advice, interruptions, connections, shown }: WarningsOptions,
): Promise<string | undefined> {
  const warning = advice.warningOf(text)
  if (warning !== undefined) return warning
  const target = parseTarget(text)
  if (target?.kind === 'stream') {
    const state = await connectionState(target.connection, { connections, shown })
    if (state.isHidden) return undefined
    if (state.problem !== undefined) return `Events for ${text} wait: ${state.problem}.`
  }
  const interruption = interruptions.get(text)
  return interruption && interrupted(text, interruption)
}

function interrupted(text: string, { until, reason }: Interruption): string {
  const last = reason === null ? '' : ` The last failure: ${reason.replace(/\.$/, '')}.`
  const trial =
    until === null
      ? 'wait, because earlier ones failed. The next one that is due tries whether it works again.'
      : `wait until ${until}, because earlier ones failed. Then one of them tries whether it works again.`
  return `Events for ${maskedTarget(text)} ${trial}${last}`
}

interface ConnectionState {
  readonly isHidden: boolean
  readonly problem?: string | undefined
}

async function connectionState(
  name: string,
  { connections, shown }: Pick<WarningsOptions, 'connections' | 'shown'>,
): Promise<ConnectionState> {
  const stored = await found(connections, name)
  const isSeen = (item: Parameters<ShownFilter>[0]): boolean => shown === null || shown(item)
  if (stored !== null && isSeen({ name, from: stored.from }))
    return { isHidden: false, problem: inactive(stored) }
  // One that is hidden looks as if it did not exist.
  return isSeen({ name }) ? { isHidden: false, problem: missing(name) } : { isHidden: true }
}

function missing(name: string): string {
  return `connection ${name} does not exist. Create it, or choose another target`
}

function inactive({ name, status }: Connection): string | undefined {
  switch (status) {
    case 'active':
      return undefined
    case 'paused':
      return `connection ${name} is paused. Resume it: \`reactor connect connections resume ${name}\``
    case 'inactive':
      return `connection ${name} is inactive. Promote a sandbox of it, or activate it: \`reactor connect connections activate ${name}\``
  }
}

async function found(connections: Connections, name: string): Promise<Connection | null> {
  try {
    return await connections.get(name)
  } catch (error) {
    if (error instanceof ConnectError && error.code === 'connection_not_found') return null
    throw error
  }
}
