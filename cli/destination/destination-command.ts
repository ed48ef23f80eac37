import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pino, type Logger } from 'pino'
import { z } from 'zod'
import { readCatalog } from '../../connectors/airbyte-messages/connector.ts'
import { messagesType } from '../../connectors/registry.ts'
import { emptyEnvironment } from '../../plan/environment.ts'
import { checkRunFile, type LoadedRunFile } from '../../plan/run-file/load-run-file.ts'
import { PositionIndex } from '../../plan/run-file/source-position.ts'
import { openRunThreads } from '../../plan/run/run-threads.ts'
import { runLoadedFile } from '../../plan/run/run-loaded-file.ts'
import {
  ConnectError,
  cutText,
  isJsonObject,
  shownCharacters,
  streamLabel,
  type ConfiguredAirbyteStream,
  type ErrorBody,
  type JsonObject,
} from '../../protocol/index.ts'
import { Mask } from '../../protocol/secrets/mask.ts'
import { kindOf } from '../../sinks/registry.ts'
import { postgresDestinationSpec } from '../../sinks/postgres/run-file-form.ts'
import { exitCodes } from '../exit-codes.ts'
import { usageError } from '../usage-error.ts'
import type { DestinationArguments } from './destination-program.ts'

export interface DestinationContext {
  /** Writes to standard output; resolves when there is room for more. */
  readonly write: (text: string) => Promise<void>
  readonly signal: AbortSignal
  now(): number
}

/**
 * A destination of ours on the command line of Airbyte: messages of the protocol in and out. Resolves with
 * the exit code. Throws a ConnectError for a file that cannot be used.
 */
export async function runDestination(
  options: DestinationArguments,
  context: DestinationContext,
): Promise<number> {
  if (options.type !== 'postgres')
    throw usageError(`There is no Airbyte destination ${options.type}`, 'Use --type postgres.')
  const messages = new DestinationMessages(context)
  if (options.command === 'spec') {
    await messages.send({ type: 'SPEC', spec: specification() })
    return exitCodes.complete
  }
  const { connection = 'airbyte', ...config } = readConfig(options.config)
  messages.mask.add(typeof config.password === 'string' ? [config.password] : [])
  const destination = { connection, type: options.type, config }
  try {
    if (options.command === 'check') {
      await check(destination, { messages, context })
      return exitCodes.complete
    }
    return await write(destination, { options, messages, context })
  } catch (thrown) {
    const error = ConnectError.from(thrown)
    if (['usage', 'source_file_unusable'].includes(error.code)) throw error
    if (options.command === 'check') {
      const message = messages.mask.text(`${error.message}. ${error.suggestedFix}`)
      await messages.send({
        type: 'CONNECTION_STATUS',
        connectionStatus: { status: 'FAILED', message },
      })
      return exitCodes.complete
    }
    await messages.failure(error.toJSON())
    return exitCodes.failed
  }
}

interface Destination {
  readonly connection: unknown
  readonly type: string
  readonly config: JsonObject
}

interface Use {
  readonly messages: DestinationMessages
  readonly context: DestinationContext
}

function specification(): JsonObject {
  const schema = postgresDestinationSpec()
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  return {
    connectionSpecification: {
      ...schema,
      title: 'PostgreSQL (Reactor Connect)',
      properties: {
        ...properties,
        connection: {
          type: 'string',
          description:
            'The name of the checkpoints: another one for each connection. Default: airbyte.',
        },
      },
      required: ['user', 'database'],
    },
    supportsIncremental: true,
    supported_destination_sync_modes: ['append', 'overwrite', 'append_dedup'],
    protocol_version: '0.5.2',
  }
}

async function check(destination: Destination, { messages, context }: Use): Promise<void> {
  const { destination: config } = await loadedFile(destination, { catalog: '/', streams: [] })
  const opened = await kindOf(config).open(config, {
    logger: messages.logger,
    stop: context.signal,
  })
  try {
    await opened.check()
  } finally {
    await opened[Symbol.asyncDispose]()
  }
  await messages.send({ type: 'CONNECTION_STATUS', connectionStatus: { status: 'SUCCEEDED' } })
}

async function write(
  destination: Destination,
  { options, messages, context }: Use & { readonly options: DestinationArguments },
): Promise<number> {
  if (options.catalog === undefined)
    throw usageError('--catalog is missing', 'Name a JSON file: --catalog FILE.')
  const catalog = resolve(options.catalog)
  const { streams } = readCatalog(catalog)
  const file = await loadedFile(destination, { catalog, streams })
  await using threads = openRunThreads(file, { log: 'embedded', logger: messages.logger })
  const run = await runLoadedFile(
    file,
    { log: 'embedded' },
    {
      logger: messages.logger,
      mask: messages.mask,
      signal: context.signal,
      threads,
      now: () => context.now(),
      note: (text) => {
        void messages.log('INFO', text)
      },
      progress: () => undefined,
    },
  )
  if (run === undefined) return exitCodes.failed
  await using ended = run
  for (const { error } of ended.result.streams)
    if (error !== undefined) await messages.failure(error)
  await ended.confirmReported()
  return ended.result.status === 'complete' ? exitCodes.complete : exitCodes.failed
}

/** The run file that says the same. */
async function loadedFile(
  { connection, type, config }: Destination,
  {
    catalog,
    streams,
  }: { readonly catalog: string; readonly streams: readonly ConfiguredAirbyteStream[] },
): Promise<LoadedRunFile> {
  const document = {
    connection,
    source: { type: 'faker', config: { streams: [{ name: 'none', rows: 0 }] } },
    destination: { type, config },
    ...(streams.length > 0 && { streams: streams.map(streamOf) }),
  }
  const place = { file: 'the configuration', positions: new PositionIndex('') }
  const file = await checkRunFile(document, { place, folder: '/', environment: emptyEnvironment })
  const source = { type: messagesType(catalog), config: {}, allowedNetworks: [] }
  return { ...file, source }
}

function streamOf(configured: ConfiguredAirbyteStream): object {
  const { stream, sync_mode, destination_sync_mode: mode, cursor_field, primary_key } = configured
  const isDedup = mode === 'append_dedup' || mode === 'update' || mode === 'soft_delete'
  return {
    name: streamLabel(stream),
    sync_mode,
    destination_sync_mode: isDedup ? 'append_dedup' : mode,
    ...(cursor_field?.[0] !== undefined &&
      stream.source_defined_cursor !== true && { cursor_field: cursor_field[0] }),
    ...(isDedup &&
      primary_key !== undefined && { primary_key: primary_key.flatMap(([name]) => name ?? []) }),
  }
}

function readConfig(path: string | undefined): JsonObject {
  if (path === undefined)
    throw usageError('--config is missing', 'Name a JSON file: --config FILE.')
  let reason = 'it must hold a JSON object'
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (isJsonObject(value)) return value
  } catch (error) {
    reason = String(error)
  }
  throw new ConnectError('source_file_unusable', { details: { file: path, reason } })
}

const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
const logEntry = z.looseObject({ level: z.number(), msg: z.string().optional() })

/** Messages of the protocol on standard output, without secrets. */
class DestinationMessages {
  readonly mask = new Mask()
  readonly logger: Logger
  readonly #context: DestinationContext

  constructor(context: DestinationContext) {
    this.#context = context
    this.logger = pino(
      { level: 'warn', base: null, timestamp: false },
      {
        write: (entry: string) => {
          const { level, msg = '', ...facts } = logEntry.parse(JSON.parse(entry))
          void this.log(levels[level / 10 - 1] ?? 'INFO', `${msg} ${JSON.stringify(facts)}`)
        },
      },
    )
  }

  async send(message: object): Promise<void> {
    await this.#context.write(`${JSON.stringify(message)}\n`)
  }

  async log(level: (typeof levels)[number], text: string): Promise<void> {
    const message = cutText(this.mask.text(text), shownCharacters)
    await this.send({ type: 'LOG', log: { level, message } })
  }

  async failure(error: ErrorBody): Promise<void> {
    const text = this.mask.text(`${error.message}. ${error.suggested_fix}`)
    await this.send({
      type: 'TRACE',
      trace: {
        type: 'ERROR',
        emitted_at: this.#context.now(),
        error: { message: cutText(text, shownCharacters), failure_type: error.failure_type },
      },
    })
  }
}
