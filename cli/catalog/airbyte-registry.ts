import { createHash } from 'node:crypto'
import { z } from 'zod'
import { loadYaml } from '../../manifest-interpreter/yaml/load-yaml.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import { TransportError } from '../../manifest-interpreter/http/transport-error.ts'
import { ConnectError } from '../../protocol/index.ts'
import {
  fetchBytes,
  fetchText,
  type FetchOptions,
} from '../../service/catalog/published/fetch-published.ts'
import { zipEntry } from '../../lib/files/zip-entry.ts'
import { utf8Text } from '../../lib/text/utf8-text.ts'
import type { ManifestOrigin } from './manifest-file.ts'

/** A manifest as Airbyte publishes it. */
export interface PublishedManifest {
  readonly text: string
  /** The program of its custom components, in Python; undefined if it has none. */
  readonly components: string | undefined
  /** Where a manifest was imported from, so that a later update can compare. */
  readonly origin: ManifestOrigin
}

const prefix = 'airbyte:'

/** The names in `airbyte:NAME,NAME`, each once; undefined if the text is something else. */
export function airbyteNames(from: string): readonly string[] | undefined {
  if (!from.startsWith(prefix)) return undefined
  const names = from.slice(prefix.length).split(',')
  return [...new Set(names.map((name) => name.trim().replace(/^source-/, '')))]
}

export interface RegistryOptions extends FetchOptions {
  /** Where Airbyte publishes its connectors; a mirror of the same form can take its place. */
  readonly registryUrl: string
}

/**
 * Fetches the manifest of a connector by its name, in the given version or the latest one. Throws `usage` if
 * Airbyte publishes none: the connector does not exist, or is written in Python or Java.
 */
export async function fetchPublished(
  name: string,
  options: RegistryOptions & { readonly version?: string },
): Promise<PublishedManifest> {
  if (!/^[a-z0-9][a-z0-9-]{0,99}$/.test(name))
    throw notPublished(name, 'a name has the characters a-z, 0-9 and -')
  const place = `${options.registryUrl.replace(/\/+$/, '')}/files/metadata/airbyte/source-${name}`
  const version = options.version ?? (await latestVersion(name, place, options))
  const text = await fetchPart(name, `${place}/${version}/manifest.yaml`, options)
  const components = usesComponents(text)
    ? await fetchComponents(name, `${place}/${version}`, options)
    : undefined
  return {
    text,
    components,
    origin: { from: `${prefix}${name}`, version, sha256: sha256Of(text) },
  }
}

/** Each custom component names its class. */
function usesComponents(manifest: string): boolean {
  return /(?:^|[\s{,"'])class_name["']?\s*:/m.test(manifest)
}

const maxComponentsBytes = 4 * 1024 * 1024

/** Published beside the manifest as `components.zip`, with its hash. */
async function fetchComponents(
  name: string,
  place: string,
  options: RegistryOptions,
): Promise<string | undefined> {
  const address = `${place}/components.zip`
  const [archive, hash] = await Promise.all([
    partOf(name, () => fetchBytes(address, options)),
    fetchPart(name, `${address}.sha256`, options),
  ])
  if (sha256Of(archive) !== hash.trim().split(/\s/)[0]?.toLowerCase())
    throw notPublished(name, `${address} has another hash than the one beside it`)
  try {
    const bytes = zipEntry(archive, 'components.py', { maxBytes: maxComponentsBytes })
    return bytes === undefined ? undefined : utf8Text(bytes)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw notPublished(name, `${address} cannot be unpacked: ${reason}`)
  }
}

function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

const metadataSchema = z.looseObject({ data: z.looseObject({ dockerImageTag: z.string() }) })

/** The manifest is then fetched under its own version: `latest` may change in between. */
async function latestVersion(
  name: string,
  place: string,
  options: RegistryOptions,
): Promise<string> {
  const text = await fetchPart(name, `${place}/latest/metadata.yaml`, options)
  const { data } = metadataSchema.safeParse(toRecordValue(loadYaml(text)))
  const version = data?.data.dockerImageTag
  if (version === undefined || !/^[\w.+-]{1,100}$/.test(version))
    throw notPublished(name, 'its metadata.yaml names no version')
  return version
}

async function fetchPart(name: string, url: string, options: RegistryOptions): Promise<string> {
  return partOf(name, () => fetchText(url, options))
}

async function partOf<Part>(name: string, fetchIt: () => Promise<Part>): Promise<Part> {
  try {
    return await fetchIt()
  } catch (error) {
    throw notPublished(name, error instanceof Error ? error.message : String(error), error)
  }
}

function notPublished(name: string, reason: string, cause?: unknown): ConnectError {
  if (isUnreachable(cause)) {
    const details = { connector: name, reason }
    return new ConnectError('manifest_site_unreachable', { details, cause })
  }
  return new ConnectError('usage', {
    details: {
      problem: `Airbyte’s manifest of "${name}" cannot be fetched: ${reason}`,
      fix: 'Look for the name at https://docs.airbyte.com/integrations/sources. Only connectors that Airbyte wrote as a manifest can be imported.',
    },
    cause,
  })
}

/** No response came: nothing is known of the name. */
function isUnreachable(error: unknown): boolean {
  return (
    error instanceof TransportError &&
    ['connection', 'timeout'].includes(error.kind) &&
    !/ responds with status \d+\.$/.test(error.message)
  )
}
