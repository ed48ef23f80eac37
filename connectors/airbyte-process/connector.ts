import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { CheckedStatus, Connector, ConnectorContext, ReadSession } from '../connector.ts'
import { askConnector } from './ask-connector.ts'
import { checkAndDiscover, discoverStreams } from './discovery.ts'
import { readDefinition, type ProcessDefinition } from './definition.ts'
import { readStream } from './read-stream.ts'

/**
 * An external Airbyte connector: a program that speaks spec, check, discover and read. Whether it may be
 * started is decided where its name is resolved (`allowedEntry` in connectors/catalog.ts).
 * @param file its process.json. Throws `airbyte_definition_invalid`.
 */
export function airbyteProcessConnector(type: string, file: string): Connector {
  const definition = readDefinition(file)
  return {
    descriptor: {
      type,
      title: definition.title,
      docsUrl: definition.documentation_url ?? 'docs/connectors/airbyte-process.md',
      spec: definition.spec,
      auth: [],
      webhooks: [],
      // It is not known which fields decide where the program connects to.
      addressFields: () => 'all',
    },
    check: (config, context) =>
      checkAndDiscover(definition, { config, context }, () =>
        checkConnector(definition, { config }, context),
      ),
    discover: (config, context) => discoverStreams(definition, { config, context }),
    openRead: () => Promise.resolve(openSession()),
    read: (task, out, context) => readStream(definition, task, { out, context }),
  }
}

/** The result of `check`; FAILED too if the program fails. */
export async function checkConnector(
  definition: ProcessDefinition,
  {
    config,
    paths = {},
  }: { readonly config: JsonObject; readonly paths?: Readonly<Record<string, string>> },
  context: ConnectorContext,
): Promise<CheckedStatus> {
  try {
    const files = { config }
    const call = { command: 'check', files, paths, answer: 'CONNECTION_STATUS' } as const
    return (await askConnector(definition, call, context)).connectionStatus
  } catch (thrown) {
    if (context.signal.aborted) throw thrown
    const error = ConnectError.from(thrown)
    const message = `${error.message}. ${error.suggestedFix}`
    return { status: 'FAILED', message, ...(error.retryable && { error }) }
  }
}

/** One process reads one stream: nothing is shared. */
function openSession(): ReadSession {
  return {
    shared: null,
    plan: (_stream, states) => Promise.resolve([{ slice: '', state: states.get('') ?? null }]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
