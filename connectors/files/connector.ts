import {
  isJsonObject,
  ConnectError,
  type AirbyteStream,
  type JsonObject,
} from '../../protocol/index.ts'
import type { CheckedStatus, Connector, ConnectorContext, ReadSession } from '../connector.ts'
import { folderSpec, parseFolderConfig, parseS3Config, s3Spec, type FilesConfig } from './config.ts'
import { discoverStream, listStreams, missing, streamWithoutColumns } from './discover.ts'
import { configuredStreams } from './file-streams.ts'
import { GuardedSend } from './guarded-send.ts'
import { LocalPlace } from './local-place.ts'
import type { FilePlace } from './place.ts'
import { readFiles } from './read.ts'
import { S3Place } from './s3-place.ts'

interface OpenSource<Config extends FilesConfig = FilesConfig> extends AsyncDisposable {
  readonly config: Config
  readonly place: FilePlace
}

/** Opens the place of a configuration. Throws `source_config_invalid`. */
type OpenPlace = (config: JsonObject, context: ConnectorContext) => OpenSource

/** Files of a bucket: full refresh and incremental by the times of their modification. */
export const s3Connector: Connector = {
  descriptor: {
    type: 's3',
    title: 'S3',
    docsUrl: 'docs/connectors/s3.md',
    spec: s3Spec,
    auth: [
      { kind: 'basic', usernameField: 'access_key_id', passwordField: 'secret_access_key' },
      { kind: 'none' },
    ],
    webhooks: [],
    addressFields: () => ['/endpoint'],
    environment: {
      access_key_id: 'AWS_ACCESS_KEY_ID',
      secret_access_key: 'AWS_SECRET_ACCESS_KEY',
      session_token: 'AWS_SESSION_TOKEN',
      region: 'AWS_REGION',
      endpoint: 'AWS_ENDPOINT_URL_S3',
    },
  },
  ...filesConnector((config, context) => {
    const parsed = parseS3Config(config)
    const sender = new GuardedSend(context.allowedNetworks)
    const { waits } = context
    const options = {
      send: sender.send,
      signal: context.signal,
      ...(waits && { pauseMs: () => 1 }),
    }
    return {
      config: parsed,
      place: new S3Place(parsed, options),
      [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
    }
  }),
}

/** The same files in a folder of this machine. */
export const fileConnector: Connector = {
  descriptor: {
    type: 'file',
    title: 'Files of a folder',
    docsUrl: 'docs/connectors/s3.md',
    spec: folderSpec,
    auth: [{ kind: 'none' }],
    webhooks: [],
    addressFields: () => [],
    localFolder: ({ folder }) => (typeof folder === 'string' ? folder : undefined),
  },
  ...filesConnector((config, context) => {
    const parsed = parseFolderConfig(config)
    return {
      config: parsed,
      place: new LocalPlace(parsed.folder, context.signal),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }),
}

function filesConnector(open: OpenPlace): Omit<Connector, 'descriptor'> {
  return {
    check: (config, context) => check(open, config, context),
    discover: async (config, context) => {
      await using source = open(config, context)
      return { streams: await discoverAll(source) }
    },
    openRead: (config, context) =>
      Promise.resolve().then(async () => {
        await open(config, context)[Symbol.asyncDispose]()
        return oneSlice
      }),
    read: async (task, out, context) => {
      await using source = open(task.config, context)
      return await readFiles(task, out, context, source)
    },
  }
}

/**
 * A stream that the configuration does not name, and whose files cannot be read, has no columns but those of
 * the file itself: its read says why, and the others go on.
 */
async function discoverAll({ place, config }: OpenSource): Promise<AirbyteStream[]> {
  const streams: AirbyteStream[] = []
  const failures: ConnectError[] = []
  for (const files of await listStreams(place, config))
    try {
      streams.push(await discoverStream(place, files, config))
    } catch (thrown) {
      const error = ConnectError.from(thrown)
      const isOfFiles =
        error.code === 'source_file_invalid' || error.code === 'source_files_missing'
      if (config.streams !== undefined || !isOfFiles) throw error
      failures.push(error)
      streams.push(streamWithoutColumns(files))
    }
  const [first] = failures
  if (first !== undefined && failures.length === streams.length) throw first
  return streams
}

/** Nothing is shared: each read lists the files itself. */
const oneSlice: ReadSession = {
  shared: null,
  plan: (_stream, states) => Promise.resolve([{ slice: '', state: states.get('') ?? null }]),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}

async function check(
  open: OpenPlace,
  config: JsonObject,
  context: ConnectorContext,
): Promise<CheckedStatus> {
  try {
    await using source = open(config, context)
    const empty = await streamsWithoutFiles(source)
    if (empty.length === 0) return { status: 'SUCCEEDED' }
    const [first] = empty
    const isHopeless = empty.some(({ hasColumns }) => !hasColumns)
    return { status: isHopeless ? 'FAILED' : 'SUCCEEDED', message: first?.message ?? '' }
  } catch (thrown) {
    const error = ConnectError.from(thrown)
    if (error.failureType === 'system_error') throw error
    const message = `${error.message}. ${error.suggestedFix}`
    return { status: 'FAILED', message, ...(error.retryable && { error }) }
  }
}

/** Messages about streams of the configuration that no file belongs to. */
async function streamsWithoutFiles({
  place,
  config,
}: OpenSource): Promise<readonly { readonly message: string; readonly hasColumns: boolean }[]> {
  const configured = configuredStreams(config)
  const streams = configured ?? (await listStreams(place, config))
  if (streams.length === 0) {
    const message = `${place.name} has no file whose name ends in .jsonl, .csv, .parquet or .avro. Correct the place, or name the files in \`streams\`.`
    return [{ message, hasColumns: false }]
  }
  const empty = []
  for (const files of configured ?? []) {
    const { stream } = files
    if (await hasAny(files.list(place))) continue
    const { message, suggestedFix } = missing(place, stream)
    empty.push({
      message: `${message}. ${suggestedFix}`,
      hasColumns: isJsonObject(stream.columns),
    })
  }
  return empty
}

async function hasAny(pages: AsyncIterable<readonly unknown[]>): Promise<boolean> {
  for await (const page of pages) if (page.length > 0) return true
  return false
}
