import { basename, extname } from 'node:path'
import { z } from 'zod'
import { connectorSpecification } from '../../manifest-interpreter/config/connector-specification.ts'
import type { ManifestSource } from '../../manifest-interpreter/source/manifest-source.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import { airbyteCatalog, ConnectError } from '../../protocol/index.ts'
import type { AirbyteConnectionStatus, JsonObject } from '../../protocol/index.ts'
import type { Connector, ConnectorContext, ReadSession } from '../connector.ts'
import { addressFields } from './address-fields.ts'
import { oauthScheme } from './oauth-scheme.ts'
import { loadManifestFile, type LoadedManifest } from './load-manifest-file.ts'
import { readManifestTask } from './read-task.ts'
import { configOf } from './source-config.ts'
import { SourceEnvironment } from './source-environment.ts'
import { authorizationFailure, sourceFailure } from './source-failure.ts'
import { UnreadableResponses } from './unreadable-responses.ts'

/**
 * The connector of a manifest of Airbyte's Low-Code language, interpreted in process. Throws
 * `manifest_unreadable` or `manifest_invalid`.
 */
export function manifestConnector(type: string, path: string): Connector {
  const loaded = loadManifestFile(path)
  const { connectionSpecification, advanced_auth } = specOf(loaded)
  const oauth = oauthScheme(advanced_auth)
  return {
    descriptor: {
      type,
      title: basename(path, extname(path)),
      docsUrl: 'docs/connectors/manifests.md',
      spec: connectionSpecification,
      auth: oauth === undefined ? [] : [oauth],
      webhooks: [],
      addressFields: () => addressFields(loaded.manifest),
    },
    check: (config, context) => check(loaded, config, context),
    discover: (config, context) => discover(loaded, config, context),
    openRead: () => Promise.resolve(openSession()),
    read: (task, out, context) => readManifestTask(loaded, task, { out, context }),
    // Loaded when it is used, as below.
    streams: async () => {
      const { describeManifest } = await import('./describe-manifest.ts')
      return describeManifest(loaded.manifest)
    },
  }
}

/**
 * A user waits for the result of a check: for a wrong address whose responses cannot be read, it took a
 * minute.
 */
const checkRetrySeconds = 10

async function check(
  loaded: LoadedManifest,
  config: JsonObject,
  context: ConnectorContext,
): Promise<AirbyteConnectionStatus> {
  try {
    const unreadable = new UnreadableResponses()
    const use = { config, context, unreadable, maxRetrySeconds: checkRetrySeconds }
    const status = await withSource(loaded, use, (source) => source.check())
    const message = unreadable.warnings.join(' ')
    return status.status === 'FAILED' || message === '' ? status : { ...status, message }
  } catch (error) {
    if (error instanceof ConnectError && error.code === 'source_authorization_lost') throw error
    const { message, suggestedFix } = ConnectError.from(error)
    return { status: 'FAILED', message: `${message}. ${suggestedFix}` }
  }
}

function discover(loaded: LoadedManifest, config: JsonObject, context: ConnectorContext) {
  return withSource(loaded, { config, context }, async (source) => {
    const streams = await source.discover()
    return airbyteCatalog.parse({
      streams: streams.map((stream) => ({
        ...stream,
        json_schema: toRecordValue(stream.json_schema),
      })),
    })
  })
}

async function withSource<Result>(
  { manifest, directory }: LoadedManifest,
  {
    config,
    context,
    unreadable,
    maxRetrySeconds,
  }: {
    readonly config: JsonObject
    readonly context: ConnectorContext
    readonly unreadable?: UnreadableResponses
    readonly maxRetrySeconds?: number
  },
  use: (source: ManifestSource) => Promise<Result>,
): Promise<Result> {
  await using environment = new SourceEnvironment({
    context,
    manifestDirectory: directory,
    emit: (message) => unreadable?.add(message),
    ...(maxRetrySeconds !== undefined && { maxRetrySeconds }),
  })
  try {
    // Imported on first use: the interpreter costs every thread that knows the connectors 0.2 s of CPU at its
    // start (2026-11).
    const { ManifestSource } = await import('../../manifest-interpreter/source/manifest-source.ts')
    await using source = new ManifestSource({ manifest, config: configOf(config), environment })
    const answer = await use(source)
    // A check that fails says so in its result.
    if (environment.authorizationLost === undefined) return answer
  } catch (error) {
    if (environment.authorizationLost === undefined) throw sourceFailure(error, 'The source')
  }
  throw authorizationFailure(environment.authorizationLost, 'The source')
}

/**
 * One slice a stream: its partitions and windows share one state, and the interpreter reads several of them
 * at a time.
 */
function openSession(): ReadSession {
  return {
    shared: null,
    plan: (_stream, states) => Promise.resolve([{ slice: '', state: states.get('') ?? null }]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

const connectorSpec = z.looseObject({
  connectionSpecification: z.record(z.string(), z.json()),
  advanced_auth: z.unknown().optional(),
})

function specOf({ manifest }: LoadedManifest): z.infer<typeof connectorSpec> {
  if (manifest.spec === undefined) {
    return { connectionSpecification: { type: 'object', properties: {} } }
  }
  return connectorSpec.parse(toRecordValue(connectorSpecification(manifest)))
}
