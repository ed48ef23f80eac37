import { validateConfig } from '../config/prepare-config.ts'
import { SourceError, type Environment } from '../contracts.ts'
import { optionalDict } from '../definition.ts'
import { SourceHttp } from '../http/source-http.ts'
import { merged, get, isDict } from '../value/dict.ts'
import { catalogStream, type CatalogStream } from './catalog-stream.ts'
import { checkConnection, type ConnectionStatus } from './check-connection.ts'
import { concurrencyOf } from './concurrency.ts'
import { ConfiguredManifest } from './configured-manifest.ts'
import { configuredStreams } from './configured-streams.ts'
import { failureOf } from './failure.ts'
import { readStreams, StateQueue, type ReadLimits } from './read-streams.ts'
import type { SecretFilter } from './secret-filter.ts'
import { SourceStreams } from './source-streams.ts'
import type { Manifest } from '../manifest/load-manifest.ts'
import type { SourceOutput } from './messages.ts'
import type { Dict, Value } from '../value/value.ts'
import { ConnectError } from '../../protocol/errors/connect-error.ts'

export interface OpenOptions {
  readonly manifest: Manifest
  readonly config: Dict
  readonly environment: Environment
  /** Requests at the same time, of all streams together. */
  readonly maxConcurrentRequests?: number
  /** Slices that are read at the same time, in the place of the manifest's concurrency_level. */
  readonly concurrency?: number
}

export interface ReadOptions {
  /** A ConfiguredAirbyteCatalog. */
  readonly catalog: Dict
  /** The states of an earlier read: a list of AirbyteStateMessage. */
  readonly state?: readonly Value[]
  /**
   * True: a failed slice ends its stream, so that no state follows records that none covers. Default: its
   * other slices go on.
   */
  readonly stopsAtFailure?: boolean
  /** To look at a stream: no more than so much of it is read. */
  readonly limits?: ReadLimits
}

/**
 * A manifest for one configuration. Its constructor migrates and transforms the configuration, and throws if
 * that fails. Dispose it at the end: it stores responses of parent streams on disk.
 */
export class ManifestSource implements AsyncDisposable {
  readonly #configured: ConfiguredManifest
  readonly #http: SourceHttp
  readonly #concurrency: { readonly concurrency: number; readonly generators: number }

  constructor(options: OpenOptions) {
    const { maxConcurrentRequests } = options
    this.#configured = new ConfiguredManifest(options)
    const { manifest, config, templates, environment, budget, secrets } = this.#configured
    try {
      this.#concurrency =
        options.concurrency === undefined
          ? concurrencyOf(manifest.definition, config, templates)
          : { concurrency: options.concurrency, generators: 1 }
      this.#http = new SourceHttp({
        environment,
        ...(budget !== undefined && { budget }),
        ...(maxConcurrentRequests !== undefined && { maxConcurrentRequests }),
      })
    } catch (error) {
      throw secrets.error(error)
    }
  }

  /** All that it knows by now: also tokens that were fetched, and a configuration that changed. */
  get secrets(): SecretFilter {
    return this.#configured.secrets
  }

  /**
   * FAILED with a reason if the API cannot be reached or refuses; throws if the manifest or the configuration
   * is wrong.
   */
  async check(): Promise<ConnectionStatus> {
    return this.#configured.withMaskedErrors(() => this.#check())
  }

  async #check(): Promise<ConnectionStatus> {
    const { manifest, config, secrets } = this.#configured
    const { check } = manifest
    const overrides = optionalDict(check, 'config_overrides') ?? {}
    const streams = this.#streams({ config: merged(config, overrides) })
    const status = await checkConnection(check, config, streams)
    return status.status === 'FAILED'
      ? { ...status, message: secrets.beginning(status.message) }
      : status
  }

  /**
   * The streams in the order of the manifest, or those of these names; those that need a Python component are
   * left out and logged.
   */
  async discover(names?: readonly string[]): Promise<readonly CatalogStream[]> {
    return this.#configured.withMaskedErrors(() => this.#discover(names))
  }

  async #discover(names?: readonly string[]): Promise<readonly CatalogStream[]> {
    const streams = this.#streams({})
    const found: CatalogStream[] = []
    for (const stream of await streams.first())
      if (names === undefined || names.includes(stream.name))
        found.push(await catalogStream(stream))
    for (const { name, reason } of streams.unsupported())
      this.#configured.environment.logger.warn({ stream: name, reason }, 'stream is not supported')
    const reason = streams.reasonForGenerated()
    if (found.length > 0 || names !== undefined || reason === undefined) return found
    // An empty catalog would look like an account without data.
    throw new SourceError(`No stream of the manifest can be read. ${reason}`, {
      failureType: 'config_error',
    })
  }

  /**
   * Reads the configured streams. A failed stream is a message, the others go on; throws at the end if one
   * failed.
   */
  async read(options: ReadOptions, output: SourceOutput): Promise<void> {
    return this.#configured.withMaskedErrors(() => this.#read(options, output))
  }

  async #read(options: ReadOptions, output: SourceOutput): Promise<void> {
    const safeOutput = this.#withoutSecrets(output)
    const catalog = configuredStreams(options.catalog)
    const states = new StateQueue()
    const streams = this.#streams({
      catalog,
      states: inputStates(options.state ?? []),
      queue: states,
    })
    const built = await streams.toRead([...catalog.keys()])
    const byName = new Map(built.map((stream) => [stream.name, stream]))
    // States that a stream gives up while it is built.
    for (const name of catalog.keys()) await states.flush(name, safeOutput)
    const unsupported = new Map(streams.unsupported().map(({ name, reason }) => [name, reason]))
    const missing = [...catalog.keys()].filter((name) => !byName.has(name))
    for (const stream of missing) {
      const reason = unsupported.get(stream) ?? streams.reasonForGenerated()
      if (reason !== undefined)
        await safeOutput.message(
          failureOf(new SourceError(reason, { failureType: 'config_error' }), stream),
        )
      await safeOutput.message({ kind: 'status', stream, status: 'INCOMPLETE' })
    }
    const selected = [...catalog.keys()].flatMap((name) => byName.get(name) ?? [])
    await readStreams(
      {
        streams: selected,
        logger: this.#configured.environment.logger,
        signal: this.#configured.environment.signal,
        states,
        ...(options.limits !== undefined && { limits: options.limits }),
        unreadable: missing.filter(
          (name) => unsupported.has(name) || streams.reasonForGenerated() !== undefined,
        ),
        stopsAtFailure: options.stopsAtFailure ?? false,
        ...this.#concurrency,
      },
      safeOutput,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.close()
  }

  #streams(options: {
    readonly config?: Dict
    readonly catalog?: ReturnType<typeof configuredStreams>
    readonly states?: ReadonlyMap<string, Dict>
    readonly queue?: StateQueue
  }): SourceStreams {
    const { manifest, config, templates } = this.#configured
    const { queue, ...about } = options
    const builder = this.#configured.builder({
      ...about,
      http: this.#http,
      emitState: (stream, state) => queue?.push(stream, state),
    })
    // The configuration as the user gave it: a check's overrides are not the user's.
    const validate = () => {
      validateConfig(manifest, config, templates)
    }
    return new SourceStreams(manifest, builder, validate)
  }

  /** Records and states are given as they are: only texts for people are masked. */
  #withoutSecrets(output: SourceOutput): SourceOutput {
    const { secrets } = this.#configured
    return {
      records: (stream, records) => output.records(stream, records),
      message: (message) =>
        output.message(
          message.kind === 'failure'
            ? {
                ...message,
                message: secrets.beginning(message.message),
                internalMessage:
                  message.internalMessage && secrets.beginning(message.internalMessage),
                ...(message.error !== undefined && { error: secrets.error(message.error) }),
              }
            : message,
        ),
    }
  }
}

/**
 * The states of a list of AirbyteStateMessage, by stream. A GLOBAL state may not share anything between
 * streams.
 */
function inputStates(messages: readonly Value[]): ReadonlyMap<string, Dict> {
  const [first] = messages
  if (messages.length === 1 && isDict(first) && get(first, 'type') === 'GLOBAL')
    return new Map(globalStates(get(first, 'global') ?? null))
  return new Map(
    messages.flatMap((message) =>
      isDict(message) && get(message, 'type') === 'STREAM'
        ? streamState(get(message, 'stream') ?? null)
        : [],
    ),
  )
}

function globalStates(state: Value): [string, Dict][] {
  if (!isDict(state)) return []
  const shared = get(state, 'shared_state') ?? null
  if (isDict(shared) && Object.keys(shared).length > 0)
    throw new ConnectError('source_file_unusable', {
      details: {
        file: 'The state',
        reason:
          'it is a GLOBAL state with a shared_state, which no manifest writes. Leave the state out to read from the start',
      },
    })
  const states = get(state, 'stream_states')
  return Array.isArray(states) ? states.flatMap(streamState) : []
}

function streamState(stream: Value): [string, Dict][] {
  if (!isDict(stream)) return []
  const descriptor = get(stream, 'stream_descriptor') ?? null
  const name = isDict(descriptor) ? get(descriptor, 'name') : undefined
  const state = get(stream, 'stream_state') ?? null
  return typeof name === 'string' && isDict(state) ? [[name, state]] : []
}
