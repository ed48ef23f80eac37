import { createHash } from 'node:crypto'
import { z } from 'zod'
import { loadYaml } from '../../manifest-interpreter/yaml/load-yaml.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import { TransportError } from '../../manifest-interpreter/http/transport-error.ts'
import { ConnectError } from '../../protocol/index.ts'
import { fetchText, type FetchOptions } from './fetch-manifest.ts'
import type { ManifestOrigin } from './manifest-file.ts'

/** A manifest as Airbyte publishes it. */
export interface PublishedManifest {
  readonly text: string
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
  const sha256 = createHash('sha256').update(text).digest('hex')
  return { text, origin: { from: `${prefix}${name}`, version, sha256 } }
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
  try {
    return await fetchText(url, options)
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
