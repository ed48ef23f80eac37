import { pino, type Logger } from 'pino'
import { configOf } from '../connectors/manifest/source-config.ts'
import { SourceEnvironment } from '../connectors/manifest/source-environment.ts'
import { sourceFailure } from '../connectors/manifest/source-failure.ts'
import { stateFromJson, stateToJson } from '../connectors/manifest/state-json.ts'
import { loadManifest } from '../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestSource } from '../manifest-interpreter/source/manifest-source.ts'
import type {
  SourceFailure,
  SourceMessage,
  SourceOutput,
} from '../manifest-interpreter/source/messages.ts'
import { toRecordValue } from '../manifest-interpreter/value/record-value.ts'
import type { Dict, Value } from '../manifest-interpreter/value/value.ts'
import { airbyteCatalog, type AirbyteCatalog, type AirbyteStream } from '../protocol/catalog.ts'
import { ConnectError } from '../protocol/errors/connect-error.ts'
import type { JsonObject, JsonValue, RecordData } from '../protocol/json.ts'

export { ManifestError } from '../manifest-interpreter/manifest/manifest-error.ts'

export interface ManifestOptions {
  /**
   * The YAML of the manifest, in Airbyte's Low-Code language: docs/manifest-support.md says what is
   * supported.
   */
  readonly manifest: string
  readonly config: JsonObject
  readonly signal?: AbortSignal
  /** Receives log lines without secrets. Default: none are written. */
  readonly logger?: Logger
  /** Private or reserved networks that it may reach, in CIDR notation. Default: none. */
  readonly allowedNetworks?: readonly string[]
  /** Base folder of the manifest's relative paths. */
  readonly folder?: string
}

/** A stream to read: everything, or only changes since its state. */
export interface StreamToRead {
  readonly name: string
  readonly state?: JsonValue
}

/** The output of a read. The promise of `records` is the back-pressure: no more is read until it resolves. */
export interface ManifestOutput {
  records(stream: string, records: readonly RecordData[]): Promise<void> | void
  /** It covers all records of the stream so far. Store it, and pass it to the next read. */
  state?(stream: string, state: JsonValue): Promise<void> | void
}

export interface StreamFailure {
  readonly stream: string
  readonly message: string
  readonly failureType: SourceFailure['failureType']
}

/** An HTTP API, read through a manifest with one configuration, in this thread. Dispose it at the end. */
export class ManifestReader implements AsyncDisposable {
  readonly #environment: SourceEnvironment
  readonly #source: ManifestSource
  readonly #signal: AbortSignal

  /**
   * @throws {ManifestError} if the manifest is invalid: the message names the place
   * @throws {ConnectError} if the configuration is
   */
  constructor(options: ManifestOptions) {
    const { signal = new AbortController().signal, folder } = options
    const manifest = loadManifest(options.manifest)
    this.#signal = signal
    this.#environment = new SourceEnvironment({
      context: {
        signal,
        logger: options.logger ?? pino({ level: 'silent' }),
        allowedNetworks: options.allowedNetworks ?? [],
        now: Date.now,
      },
      emit: () => undefined,
      ...(folder !== undefined && { manifestDirectory: folder }),
    })
    try {
      const config = configOf(options.config)
      this.#source = new ManifestSource({ manifest, config, environment: this.#environment })
    } catch (error) {
      throw ConnectError.from(sourceFailure(error, 'The source'))
    }
  }

  /** `FAILED`, with a reason, if the API cannot be reached or refuses. */
  async check(): Promise<{ readonly status: 'SUCCEEDED' | 'FAILED'; readonly message?: string }> {
    return withOurErrors(() => this.#source.check())
  }

  /** The streams that can be read; those that need Python are left out. */
  async discover(): Promise<AirbyteCatalog> {
    const streams = await withOurErrors(() => this.#source.discover())
    return airbyteCatalog.parse({
      streams: streams.map((stream) => ({
        ...stream,
        json_schema: toRecordValue(stream.json_schema),
      })),
    })
  }

  /** Reads streams to their ends. Resolves with those that failed; the others went on. */
  async read(
    streams: readonly StreamToRead[],
    output: ManifestOutput,
  ): Promise<readonly StreamFailure[]> {
    const catalog = await this.discover()
    const wanted = streams.map(({ name }) => configured(name, catalog))
    const state = streams.flatMap(({ name, state: kept }) =>
      kept === undefined ? [] : [streamState(name, kept)],
    )
    const collected = new CollectedOutput(output)
    try {
      await this.#source.read(
        { catalog: configOf({ streams: wanted }), state, stopsAtFailure: true },
        collected,
      )
    } catch (error) {
      this.#signal.throwIfAborted()
      if (collected.failures.length === 0)
        throw ConnectError.from(sourceFailure(error, 'The source'))
    }
    return collected.failures
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]()
    await this.#environment[Symbol.asyncDispose]()
  }
}

class CollectedOutput implements SourceOutput {
  readonly failures: StreamFailure[] = []
  readonly #output: ManifestOutput

  constructor(output: ManifestOutput) {
    this.#output = output
  }

  async records(stream: string, records: readonly Dict[]): Promise<void> {
    await this.#output.records(stream, records.map(recordOf))
  }

  async message(message: SourceMessage): Promise<void> {
    if (message.kind === 'state')
      await this.#output.state?.(message.stream, stateToJson(message.state))
    if (message.kind !== 'failure') return
    const { stream, failureType, message: text } = message
    this.failures.push({ stream, failureType, message: text })
  }
}

function recordOf(record: Dict): RecordData {
  const value = toRecordValue(record)
  return typeof value === 'object' && value !== null ? (value as RecordData) : {}
}

function configured(name: string, { streams }: AirbyteCatalog): JsonObject {
  const stream = streams.find((candidate) => candidate.name === name)
  if (stream === undefined) {
    const known = streams.map((candidate) => candidate.name).join(', ')
    const problem = `there is no stream ${name}; the manifest has ${known}`
    throw new ConnectError('request_invalid', { details: { problem } })
  }
  return {
    stream: JSON.parse(JSON.stringify(stream)) as JsonObject,
    sync_mode: isIncremental(stream) ? 'incremental' : 'full_refresh',
    destination_sync_mode: 'append',
  }
}

function isIncremental({ supported_sync_modes: modes }: AirbyteStream): boolean {
  return modes.includes('incremental')
}

function streamState(name: string, state: JsonValue): Value {
  const descriptor = { name }
  return {
    type: 'STREAM',
    stream: { stream_descriptor: descriptor, stream_state: stateFromJson(state) },
  }
}

async function withOurErrors<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask()
  } catch (error) {
    throw ConnectError.from(sourceFailure(error, 'The source'))
  }
}
