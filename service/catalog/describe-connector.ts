import type { Connector } from '../../connectors/connector.ts'
import { loadManifestFile } from '../../connectors/manifest/load-manifest-file.ts'
import { connectorOf } from '../../connectors/registry.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { CatalogEntry } from './read-catalog.ts'
import type { CatalogEntryDocument, ConnectorDescription } from './schema.ts'

/** One that cannot be loaded any more is listed with the reason. */
export async function summarizeConnector(entry: CatalogEntry): Promise<CatalogEntryDocument> {
  const { name: type, kind } = entry
  try {
    const { title, streams, actions } = await describeConnector(entry)
    const readable = streams?.filter(({ unsupported }) => unsupported === null).length ?? null
    return { type, kind, title, streams: readable, actions: actions.length, problem: null }
  } catch (error) {
    const { message } = ConnectError.from(error)
    return { type, kind, title: type, streams: null, actions: 0, problem: message }
  }
}

/** All that is known of a connector without a configuration. Throws `manifest_invalid` or `manifest_unreadable`. */
export async function describeConnector(entry: CatalogEntry): Promise<ConnectorDescription> {
  const { name, kind, connectorType } = entry
  const connector = connectorOf(connectorType)
  const { spec, auth, webhooks } = connector.descriptor
  const known = await connector.streams?.()
  const actions = (await connector.actions?.load()) ?? []
  return {
    type: name,
    kind,
    ...titleAndDocs(entry, connector),
    spec,
    auth: [...auth],
    streams: known?.streams ?? null,
    generatesStreams: known?.generatesStreams ?? false,
    actions: actions.map(({ descriptor }) => descriptor),
    webhooks,
  }
}

/** A manifest has them in its spec. */
export function titleAndDocs(
  { name, manifest }: CatalogEntry,
  { descriptor: { title, docsUrl, spec } }: Pick<Connector, 'descriptor'>,
): { readonly title: string; readonly docsUrl: string } {
  if (manifest === undefined) return { title, docsUrl }
  const docs = loadManifestFile(manifest).manifest.spec?.documentation_url
  return {
    title: typeof spec.title === 'string' ? spec.title : name,
    docsUrl: typeof docs === 'string' ? docs : docsUrl,
  }
}
