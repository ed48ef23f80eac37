import type { IdleSession } from '../../lib/async/idle-sessions.ts'
import { stringifyExact, type AirbyteCatalog, type JsonObject } from '../../protocol/index.ts'
import type { ConnectorContext } from '../connector.ts'
import { askConnector } from './ask-connector.ts'
import type { ProcessDefinition } from './definition.ts'

/**
 * A `discover` that runs while the `check` before it does: a run asks for both, and a connector in Python
 * needs two seconds to start.
 */
class Discovery implements IdleSession {
  readonly isLost = false
  readonly catalog: Promise<AirbyteCatalog>
  readonly #end = new AbortController()

  constructor(definition: ProcessDefinition, config: JsonObject, context: ConnectorContext) {
    const signal = AbortSignal.any([context.signal, this.#end.signal])
    this.catalog = askForCatalog(definition, config, {
      logger: context.logger,
      signal,
      configChanged: (changed) => context.configChanged?.(changed),
    })
    this.catalog.catch(() => undefined) // whoever takes it gets the error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await this.catalog.catch(() => undefined) // it was stopped
  }
}

/** Runs a check. If the caller lets sessions wait for the next call, it discovers the streams meanwhile. */
export async function checkAndDiscover<Status extends { readonly status: string }>(
  definition: ProcessDefinition,
  { config, context }: { readonly config: JsonObject; readonly context: ConnectorContext },
  check: () => Promise<Status>,
): Promise<Status> {
  const { idleSessions } = context
  if (idleSessions === undefined) return check()
  const discovery = new Discovery(definition, config, context)
  try {
    const status = await check()
    if (status.status === 'SUCCEEDED')
      await idleSessions.giveBack(discovery, keyOf(definition, config))
    else await discovery[Symbol.asyncDispose]()
    return status
  } catch (error) {
    await discovery[Symbol.asyncDispose]()
    throw error
  }
}

/** The streams: of a discovery that has begun with the check, or of a new one. */
export async function discoverStreams(
  definition: ProcessDefinition,
  { config, context }: { readonly config: JsonObject; readonly context: ConnectorContext },
): Promise<AirbyteCatalog> {
  const begun = context.idleSessions?.take(keyOf(definition, config))
  if (begun instanceof Discovery) return begun.catalog
  return askForCatalog(definition, config, context)
}

async function askForCatalog(
  definition: ProcessDefinition,
  config: JsonObject,
  context: Pick<ConnectorContext, 'logger' | 'signal' | 'configChanged'>,
): Promise<AirbyteCatalog> {
  const call = { command: 'discover', files: { config }, answer: 'CATALOG' } as const
  return (await askConnector(definition, call, context)).catalog
}

function keyOf({ name, command }: ProcessDefinition, config: JsonObject): string {
  return `airbyte-process ${stringifyExact([name, ...command, config])}`
}
