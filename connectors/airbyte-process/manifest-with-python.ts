import type { JsonObject } from '../../protocol/index.ts'
import type { Connector, ConnectorContext, ConnectorStreams } from '../connector.ts'
import { manifestConnector } from '../manifest/connector.ts'
import { askConnector } from './ask-connector.ts'
import { checkConnector } from './connector.ts'
import { readDefinition, type ProcessDefinition } from './definition.ts'
import { cdkFile, componentsOf } from './python-components.ts'
import { readStream } from './read-stream.ts'

/**
 * A manifest with components in Python: streams that the interpreter can read are read in this process, and
 * the others by Airbyte's CDK in a process for each.
 * @param path an imported manifest
 */
export function manifestWithPython(type: string, path: string): Connector {
  const manifest = manifestConnector(type, path)
  const definition = cdkDefinition(path)
  const paths = { 'manifest-path': path, 'components-path': componentsOf(path) }
  let known: Promise<ConnectorStreams> | undefined
  const streams = (): Promise<ConnectorStreams> =>
    (known ??= manifest.streams?.() ?? Promise.resolve({ streams: [], generatesStreams: false }))
  return {
    ...manifest,
    check: async (config, context) => {
      if (!needsPython(await streams())) return manifest.check(config, context)
      return checkConnector(definition, { config, paths }, context)
    },
    discover: async (config, context) => {
      const own = await manifest.discover(config, context)
      if (!needsPython(await streams())) return own
      const names = new Set(own.streams.map(({ name }) => name))
      const all = await discoverByCdk(definition, { config, paths }, context)
      return { streams: [...own.streams, ...all.filter(({ name }) => !names.has(name))] }
    },
    streams: async () => {
      const described = await streams()
      return {
        streams: described.streams.map((stream) => ({ ...stream, unsupported: null })),
        generatesStreams:
          described.generatesStreams || (described.unsupportedDynamicStreams ?? []).length > 0,
      }
    },
    read: async (task, out, context) =>
      isReadInProcess(await streams(), task.stream.stream.name)
        ? manifest.read(task, out, context)
        : readStream(definition, task, { out, context, paths }),
  }
}

function cdkDefinition(manifest: string): ProcessDefinition {
  const definition = readDefinition(cdkFile(manifest))
  // The CDK runs code of a manifest only if this is set.
  const environment = { ...definition.environment, AIRBYTE_ENABLE_UNSAFE_CODE: 'true' }
  return { ...definition, environment }
}

function needsPython({ streams, unsupportedDynamicStreams = [] }: ConnectorStreams): boolean {
  return (
    unsupportedDynamicStreams.length > 0 || streams.some(({ unsupported }) => unsupported !== null)
  )
}

/** Dynamic streams are not known by name: if Python makes some of them, the CDK reads all. */
function isReadInProcess(
  { streams, unsupportedDynamicStreams = [] }: ConnectorStreams,
  name: string,
): boolean {
  const known = streams.find((stream) => stream.name === name)
  return known === undefined ? unsupportedDynamicStreams.length === 0 : known.unsupported === null
}

async function discoverByCdk(
  definition: ProcessDefinition,
  {
    config,
    paths,
  }: { readonly config: JsonObject; readonly paths: Readonly<Record<string, string>> },
  context: ConnectorContext,
) {
  const call = { command: 'discover', files: { config }, paths, answer: 'CATALOG' } as const
  return (await askConnector(definition, call, context)).catalog.streams
}
