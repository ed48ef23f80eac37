import type { Connector } from '../../connectors/connector.ts'
import { loadManifestFile } from '../../connectors/manifest/load-manifest-file.ts'
import { connectorOf } from '../../connectors/registry.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { CatalogEntry } from '../../connectors/catalog.ts'
import type { CatalogSummary, ConnectorDescription } from './schema.ts'

/**
 * One that cannot be loaded any more is listed with the reason. Its actions are not loaded: that takes up to
 * 0.3 s for one connector (2026-11).
 */
export async function summarizeConnector(entry: CatalogEntry): Promise<CatalogSummary> {
  const { name: type, kind, connectorType } = entry
  try {
    const connector = await connectorOf(connectorType)
    const known = await connector.streams?.()
    const readable = known?.streams.filter(({ unsupported }) => unsupported === null)
    return {
      type,
      kind,
      title: titleAndDocs(entry, connector).title,
      streams: readable?.length ?? null,
      hasActions: connector.actions !== undefined,
      problem: null,
    }
  } catch (error) {
    const { message } = ConnectError.from(error)
    return { type, kind, title: type, streams: null, hasActions: false, problem: message }
  }
}

/**
 * All that is known of a connector without a configuration. Throws `manifest_invalid` or
 * `manifest_unreadable`.
 */
export async function describeConnector(entry: CatalogEntry): Promise<ConnectorDescription> {
  const { name, kind, connectorType } = entry
  const connector = await connectorOf(connectorType)
  const { spec, auth, webhooks } = connector.descriptor
  const known = await connector.streams?.()
  const { unsupportedDynamicStreams = [] } = known ?? {}
  const actions = (await connector.actions?.load()) ?? []
  return {
    type: name,
    kind,
    ...titleAndDocs(entry, connector),
    spec,
    auth: [...auth],
    streams: known?.streams ?? null,
    generatesStreams: known?.generatesStreams ?? false,
    ...(unsupportedDynamicStreams.length > 0 && {
      unsupportedDynamicStreams: [...unsupportedDynamicStreams],
    }),
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
