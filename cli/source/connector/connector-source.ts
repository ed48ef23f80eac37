import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { z } from 'zod'
import type { Connector, ConnectorContext } from '../../../connectors/connector.ts'
import type { CatalogEntry } from '../../../connectors/catalog.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { textsOfConfig } from '../../../plan/run-file/source.ts'
import {
  ConnectError,
  cutText,
  isJsonList,
  isJsonObject,
  parseExactJson,
  shownCharacters,
  streamKey,
  type AirbyteCatalog,
  type ConfiguredAirbyteStream,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { configuredAirbyteCatalog } from '../../../protocol/catalog.ts'
import { withoutNulls } from '../../../protocol/json-lines.ts'
import { Mask } from '../../../protocol/secrets/mask.ts'
import { exitCodes } from '../../exit-codes.ts'
import { AirbyteLines } from '../airbyte-lines.ts'
import type { SourceArguments, SourceCommandContext } from '../source-arguments.ts'
import { readStreams } from './read-streams.ts'

/**
 * A connector that is no manifest as an Airbyte source: messages on standard output. Resolves with the exit
 * code. Throws a ConnectError for a file that cannot be used.
 */
export async function runConnectorSource(
  entry: CatalogEntry,
  options: SourceArguments,
  commandContext: SourceCommandContext,
): Promise<number> {
  const { command } = options
  if (command === 'validate' || command === 'try') throw notForConnectors(entry.name, command)
  const connector = await connectorOf(entry.connectorType)
  const lines = new AirbyteLines(commandContext.write, () => commandContext.now())
  if (command === 'spec') {
    await commandContext.write(`${JSON.stringify({ type: 'SPEC', spec: specOf(connector) })}\n`)
    return exitCodes.complete
  }
  const config = readObject(options.config, '--config')
  const source = new ConnectorSource(connector, config, { options, commandContext, lines })
  try {
    return (await source.run(command)) ? exitCodes.complete : exitCodes.failed
  } catch (thrown) {
    const error = ConnectError.from(thrown)
    if (error.code === 'usage' || error.code === 'source_file_unusable') throw error
    const message = source.mask(`${error.message}. ${error.suggestedFix}`)
    await lines.failure({ message, failureType: error.failureType })
    return exitCodes.failed
  }
}

/** Clients refuse a `documentationUrl` that is no URL: pages that come with the program have none. */
function specOf({ descriptor: { spec, docsUrl } }: Connector): JsonObject {
  return {
    connectionSpecification: spec,
    ...(URL.canParse(docsUrl) && { documentationUrl: docsUrl }),
    protocol_version: '0.5.2',
    supportsIncremental: true,
  }
}

interface SourceUse {
  readonly options: SourceArguments
  readonly commandContext: SourceCommandContext
  readonly lines: AirbyteLines
}

class ConnectorSource {
  readonly #connector: Connector
  #config: JsonObject
  readonly #mask = new Mask()
  readonly #use: SourceUse
  #changing: Promise<unknown> = Promise.resolve()

  constructor(connector: Connector, config: JsonObject, use: SourceUse) {
    this.#connector = connector
    this.#config = config
    this.#use = use
    this.#mask.add(textsOfConfig(config, connector.descriptor.spec).secret)
  }

  readonly mask = (text: string): string => this.#mask.text(text)

  /** False if the command failed, and its messages say why. */
  async run(command: 'check' | 'discover' | 'read'): Promise<boolean> {
    const connector = this.#connector
    switch (command) {
      case 'check': {
        const { status, message } = await connector.check(this.#config, this.#context())
        const shown = message === undefined ? {} : { message: this.mask(message) }
        await this.#write({ type: 'CONNECTION_STATUS', connectionStatus: { status, ...shown } })
        return true
      }
      case 'discover': {
        const catalog = await connector.discover(this.#config, this.#context())
        await this.#write({ type: 'CATALOG', catalog: shownCatalog(catalog) })
        return true
      }
      case 'read':
        return this.#read()
    }
  }

  async #write(message: object): Promise<void> {
    await this.#use.commandContext.write(`${JSON.stringify(message)}\n`)
  }

  async #read(): Promise<boolean> {
    const { options, commandContext, lines } = this.#use
    const { streams } = readCatalog(options.catalog)
    return readStreams({
      connector: this.#connector,
      config: () => this.#config,
      streams,
      states: options.state === undefined ? new Map() : readStates(options.state),
      context: this.#context(),
      lines,
      write: commandContext.write,
      mask: this.mask,
    })
  }

  #context(): ConnectorContext {
    const { options, commandContext, lines } = this.#use
    const changed = (config: JsonObject): void => {
      this.#config = config
      this.#mask.add(textsOfConfig(config, this.#connector.descriptor.spec).secret)
      const control = {
        type: 'CONNECTOR_CONFIG',
        emitted_at: commandContext.now(),
        connectorConfig: { config },
      }
      void this.#write({ type: 'CONTROL', control })
    }
    return {
      logger: protocolLogger(options.logLevel, (level, text) => {
        const message = cutText(this.mask(text), shownCharacters)
        void lines.line({ type: 'LOG', log: { level, message } })
      }),
      signal: commandContext.signal,
      allowedNetworks: commandContext.allowedNetworks,
      configChanged: changed,
      changeConfig: (change) => {
        const changing = this.#changing.then(async () => {
          const next = await change(this.#config)
          if (next !== null) changed(next)
          return this.#config
        })
        this.#changing = changing.catch(() => undefined) // the caller gets it
        return changing
      },
      secretFound: (text) => {
        this.#mask.addPassing(text)
      },
      warn: (text) => {
        const message = cutText(this.mask(text), shownCharacters)
        void lines.line({ type: 'LOG', log: { level: 'WARN', message } })
      },
      now: () => commandContext.now(),
    }
  }
}

const levels: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
}
const logEntry = z.looseObject({ level: z.number(), msg: z.string().optional() })

function protocolLogger(
  level: SourceArguments['logLevel'],
  write: (level: string, text: string) => void,
): ConnectorContext['logger'] {
  return pino(
    { level, base: null, timestamp: false },
    {
      write: (entry: string) => {
        const { level: number, msg = '', ...facts } = logEntry.parse(JSON.parse(entry))
        const text = Object.keys(facts).length === 0 ? msg : `${msg} ${JSON.stringify(facts)}`
        write(levels[number] ?? 'INFO', text)
      },
    },
  )
}

/** Properties of ours, which no client knows. */
const ownProperties = new Set(['source_columns', 'is_cursor_ordered'])

/** No full refresh can be resumed here: a new process has a new snapshot. */
function shownCatalog({ streams }: AirbyteCatalog): { readonly streams: readonly object[] } {
  return {
    streams: streams.map((stream) => ({
      ...Object.fromEntries(Object.entries(stream).filter(([name]) => !ownProperties.has(name))),
      is_resumable: false,
    })),
  }
}

function readCatalog(path: string | undefined): {
  readonly streams: readonly ConfiguredAirbyteStream[]
} {
  const document = withoutNulls(readObject(path, '--catalog'))
  const { data, error } = configuredAirbyteCatalog.safeParse(document)
  if (data !== undefined) return data
  throw unusable(path ?? '', z.prettifyError(error))
}

/** A list of states; a lone one, and messages in their envelopes, are taken too. */
function readStates(path: string): ReadonlyMap<string, JsonValue> {
  const value = readJson(path)
  const messages = isJsonList(value) ? value : [value]
  const entries = messages.flatMap((message) => {
    if (!isJsonObject(message)) throw unusable(path, 'it must hold a list of states')
    const state = isJsonObject(message.state) ? message.state : message
    const { stream } = state
    if (!isJsonObject(stream) || !isJsonObject(stream.stream_descriptor)) return []
    const { name, namespace } = stream.stream_descriptor
    if (typeof name !== 'string') return []
    const id = typeof namespace === 'string' ? { name, namespace } : { name }
    return [[streamKey(id), stream.stream_state ?? null] as const]
  })
  return new Map(entries)
}

function readObject(path: string | undefined, option: string): JsonObject {
  if (path === undefined)
    throw new ConnectError('usage', {
      details: { problem: `${option} is missing`, fix: `Name a JSON file: ${option} FILE.` },
    })
  const value = readJson(path)
  if (isJsonObject(value)) return value
  throw unusable(path, 'it must hold a JSON object')
}

function readJson(path: string): JsonValue {
  try {
    return parseExactJson(readFileSync(path, 'utf8'))
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error), error)
  }
}

function unusable(path: string, reason: string, cause?: unknown): ConnectError {
  return new ConnectError('source_file_unusable', { details: { file: path, reason }, cause })
}

function notForConnectors(name: string, command: string): ConnectError {
  const problem = `\`${command}\` is for manifests, and ${name} is none`
  const fix = `Use spec, check, discover or read with --type ${name}.`
  return new ConnectError('usage', { details: { problem, fix } })
}
