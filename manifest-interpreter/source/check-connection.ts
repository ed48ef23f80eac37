import { ConnectError } from '../../protocol/errors/connect-error.ts'
import { SourceError, type Stream } from '../contracts.ts'
import { invalidComponent, list, optionalNumber, text } from '../definition.ts'
import { get, isPlainDict } from '../value/dict.ts'
import type { UnsupportedStream } from '../manifest/unsupported.ts'
import { reasonOf } from './failure.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'

export type ConnectionStatus =
  | { readonly status: 'SUCCEEDED' }
  /** `message` says what went wrong. */
  | { readonly status: 'FAILED'; readonly message: string }

/** The streams that a check looks at: built on request, and not more of them than needed. */
export interface CheckableStreams {
  /** Static and dynamic streams in order, the first `count` of them. */
  first(count?: number): Promise<readonly Stream[]>
  /** The static streams of these names; null if a name is not that of a static stream. */
  named(names: readonly string[]): Promise<readonly Stream[] | null>
  /** The names of the streams that each dynamic definition made, by the name of the definition. */
  generated(): Promise<ReadonlyMap<string, readonly string[]>>
  /** The streams that cannot be built here. */
  unsupported(): readonly UnsupportedStream[]
}

/** A key of the configuration by which the caller chooses the streams of a check. */
const CHECKED_STREAMS_KEY = '__airbyte_check_stream_names'

/** Runs the check of the manifest, CheckStream or CheckDynamicStream: reads a record of some streams. */
export async function checkConnection(
  check: PlainDict,
  config: Dict,
  streams: CheckableStreams,
): Promise<ConnectionStatus> {
  return get(check, 'type') === 'CheckDynamicStream'
    ? checkDynamicStream(check, streams)
    : checkStream(check, config, streams)
}

async function checkStream(
  check: PlainDict,
  config: Dict,
  streams: CheckableStreams,
): Promise<ConnectionStatus> {
  const names = checkedNames(check, config)
  const dynamic = list(check, 'dynamic_streams_check_configs')
  if (
    get(check, 'stream_names') === undefined &&
    get(check, 'dynamic_streams_check_configs') === undefined
  )
    throw invalidComponent('check', 'it needs stream_names or dynamic_streams_check_configs.')
  let built: readonly Stream[]
  try {
    built = (dynamic.length === 0 ? await streams.named(names) : null) ?? (await streams.first())
  } catch (error) {
    // A traced error is the user's to see as it is, as in the reference.
    return failed(`Encountered an error while discovering streams. Error: ${reasonOf(error)}`)
  }
  if (built.length === 0) return nothingToCheck(streams)
  const byName = new Map(built.map((stream) => [stream.name, stream]))
  const problem = await listedProblem(names, byName, streams.unsupported())
  if (problem !== null) return failed(problem)
  if (dynamic.length === 0) return { status: 'SUCCEEDED' }
  // The reference makes them twice, once to see whether there are any: its requests are the same.
  await streams.generated()
  return checkGenerated(dynamic, byName, await streams.generated())
}

/** The problem of the streams that the check names; null if all of them can be read. */
async function listedProblem(
  names: readonly string[],
  streams: ReadonlyMap<string, Stream>,
  unsupported: readonly UnsupportedStream[],
): Promise<string | null> {
  for (const name of names) {
    const stream = streams.get(name)
    const reason = unsupported.find((left) => left.name === name)?.reason
    if (reason !== undefined) return `Stream ${name} cannot be read. ${reason}`
    if (stream === undefined)
      throw invalidComponent(
        'stream_names of check',
        `there is no stream ${name}. Name some of ${[...streams.keys()].join(', ')}.`,
      )
    const problem = await availabilityProblem(stream)
    if (problem !== null) return problem
  }
  return null
}

function checkedNames(check: PlainDict, config: Dict): readonly string[] {
  const chosen = get(config, CHECKED_STREAMS_KEY)
  const names = chosen === undefined || isEmptyList(chosen) ? list(check, 'stream_names') : chosen
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw wrongNames(names === chosen)
  return names
}

function wrongNames(isOfConfig: boolean): ConnectError {
  if (!isOfConfig)
    return invalidComponent('stream_names of check', 'it must be a list of names of streams.')
  const problems = `${CHECKED_STREAMS_KEY} must be a list of names of streams`
  return new ConnectError('source_config_invalid', {
    details: { connector: 'the source', problems },
  })
}

async function checkGenerated(
  configs: readonly Value[],
  streams: ReadonlyMap<string, Stream>,
  generated: ReadonlyMap<string, readonly string[]>,
): Promise<ConnectionStatus> {
  for (const config of configs) {
    if (!isPlainDict(config)) continue
    const name = text(config, 'dynamic_stream_name')
    const names = generated.get(name)
    if (names === undefined) return failed(`Dynamic stream ${name} is not found in manifest.`)
    for (const streamName of names.slice(0, optionalNumber(config, 'stream_count'))) {
      const stream = streams.get(streamName)
      const problem = stream === undefined ? null : await availabilityProblem(stream)
      if (problem !== null) return failed(problem)
    }
  }
  return { status: 'SUCCEEDED' }
}

async function checkDynamicStream(
  check: PlainDict,
  streams: CheckableStreams,
): Promise<ConnectionStatus> {
  const count = optionalNumber(check, 'stream_count') ?? 0
  const reads = get(check, 'use_check_availability') !== false
  const built = await streams.first(reads && count >= 1 ? count : undefined)
  if (built.length === 0) return nothingToCheck(streams)
  if (!reads) return { status: 'SUCCEEDED' }
  for (const stream of built.slice(0, count)) {
    const problem = await availabilityProblem(stream)
    if (problem !== null) return failed(problem)
  }
  return { status: 'SUCCEEDED' }
}

/** Reads the first record of a stream; null if the stream can be read, even if it is empty. */
async function availabilityProblem(stream: Stream): Promise<string | null> {
  try {
    for await (const slice of stream.slices()) {
      for await (const records of stream.read(slice)) if (records.length > 0) return null
      return null
    }
    return `Stream ${stream.name} is not available: it has no slices to read.`
  } catch (error) {
    return error instanceof SourceError
      ? `Stream ${stream.name} is not available: ${error.message}`
      : `Encountered an error while checking availability of stream ${stream.name}. Error: ${reasonOf(error)}`
  }
}

function nothingToCheck(streams: CheckableStreams): ConnectionStatus {
  const [left] = streams.unsupported()
  return failed(
    left === undefined
      ? 'The manifest has no streams to connect to.'
      : `No stream of the manifest can be read. ${left.name}: ${left.reason}`,
  )
}

function failed(message: string): ConnectionStatus {
  return { status: 'FAILED', message }
}

function isEmptyList(value: Value): boolean {
  return Array.isArray(value) && value.length === 0
}
