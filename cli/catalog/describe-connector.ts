import { connectorOf } from '../../connectors/registry.ts'
import { loadManifestFile } from '../../connectors/manifest/load-manifest-file.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import { describeManifest, type StreamDescription } from '../source/describe-manifest.ts'
import type { CatalogEntry } from '../../service/catalog/read-catalog.ts'

/** A connector in the list. snake_case: as `--json` shows it. */
export interface ConnectorSummary {
  readonly type: string
  readonly kind: CatalogEntry['kind']
  readonly title: string
  /** Streams that can be read; null if a configuration decides. */
  readonly streams: number | null
  /** Why it cannot be used; null if it can. */
  readonly problem: string | null
}

/** A connector with its configuration and streams. */
export interface ConnectorDescription {
  readonly type: string
  readonly kind: CatalogEntry['kind']
  readonly title: string
  readonly docs_url: string
  readonly manifest: string | null
  readonly spec: JsonObject
  /** Null if a configuration decides. */
  readonly streams: readonly StreamDescription[] | null
  /** True if there are more streams, which a configuration or the API decides. */
  readonly generates_streams: boolean
}

/** A connector that can no longer be loaded is listed with the reason. */
export function summarizeConnector(entry: CatalogEntry): ConnectorSummary {
  const { name: type, kind } = entry
  try {
    const { title, streams } = describeConnector(entry)
    const readable = streams?.filter(({ unsupported }) => unsupported === null).length ?? null
    return { type, kind, title, streams: readable, problem: null }
  } catch (error) {
    const { message } = ConnectError.from(error)
    return { type, kind, title: type, streams: null, problem: message }
  }
}

/** Throws `manifest_invalid` or `manifest_unreadable`. */
export function describeConnector(entry: CatalogEntry): ConnectorDescription {
  const { name: type, kind, connectorType, manifest } = entry
  const { spec, title, docsUrl } = connectorOf(connectorType).descriptor
  if (manifest === undefined)
    return {
      type,
      kind,
      title,
      docs_url: docsUrl,
      manifest: null,
      spec,
      streams: null,
      generates_streams: false,
    }
  const loaded = loadManifestFile(manifest).manifest
  const { streams, isDynamic } = describeManifest(loaded)
  const own = typeof spec.title === 'string' ? spec.title : type
  const docs = loaded.spec?.documentation_url
  return {
    type,
    kind,
    title: own,
    manifest,
    spec,
    streams,
    generates_streams: isDynamic,
    docs_url: typeof docs === 'string' ? docs : docsUrl,
  }
}
