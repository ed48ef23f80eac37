import { z } from 'zod'
import { fetchText, type FetchOptions } from './fetch-published.ts'

/** How a connector that Airbyte publishes can run here. */
export type PublishedForm =
  /** A manifest: `catalog import airbyte:NAME`. */
  | { readonly kind: 'manifest' }
  /** A package of Python: `catalog import pypi:PACKAGE`. */
  | { readonly kind: 'package'; readonly package: string }
  /** Only as an image of a container. */
  | { readonly kind: 'image' }

/** A source in Airbyte's list. */
export interface PublishedConnector {
  /** Without `source-`. */
  readonly name: string
  readonly title: string
  readonly version: string
  readonly docsUrl: string | undefined
  readonly form: PublishedForm
}

export interface PublishedListOptions extends FetchOptions {
  /** Where Airbyte publishes its connectors; a mirror of the same form can take its place. */
  readonly registryUrl: string
}

/** The list holds the specifications of all connectors: 15 MB in 2026. */
const maxListBytes = 128 * 1024 * 1024

const listSchema = z.looseObject({
  sources: z.array(
    z.looseObject({
      name: z.string(),
      dockerRepository: z.string(),
      dockerImageTag: z.string(),
      documentationUrl: z.string().nullish(),
      language: z.string().nullish(),
      tags: z.array(z.string()).nullish(),
      tombstone: z.boolean().nullish(),
      remoteRegistries: z
        .looseObject({
          pypi: z
            .looseObject({ enabled: z.boolean().nullish(), packageName: z.string().nullish() })
            .nullish(),
        })
        .nullish(),
    }),
  ),
})
type Listed = z.infer<typeof listSchema>['sources'][number]

/** Fetches Airbyte's list of sources. Throws a `TransportError`, or a `SyntaxError` if it is no list. */
export async function fetchPublishedList(
  options: PublishedListOptions,
): Promise<readonly PublishedConnector[]> {
  const url = `${options.registryUrl.replace(/\/+$/, '')}/files/registries/v0/oss_registry.json`
  const text = await fetchText(url, { ...options, maxBytes: maxListBytes })
  const list = listSchema.safeParse(JSON.parse(text))
  if (!list.success) throw new SyntaxError('Airbyte’s list of connectors has another form.')
  return list.data.sources.flatMap(connectorOf)
}

function connectorOf(listed: Listed): readonly PublishedConnector[] {
  const [, name] = /\/source-([a-z0-9][a-z0-9-]{0,99})$/.exec(listed.dockerRepository) ?? []
  if (name === undefined || listed.tombstone === true) return []
  const { name: title, dockerImageTag: version, documentationUrl } = listed
  return [{ name, title, version, docsUrl: documentationUrl ?? undefined, form: formOf(listed) }]
}

function formOf({ language, tags, remoteRegistries }: Listed): PublishedForm {
  if (language === 'manifest-only' || tags?.includes('language:manifest-only') === true)
    return { kind: 'manifest' }
  const pypi = remoteRegistries?.pypi
  return pypi?.enabled === true && typeof pypi.packageName === 'string'
    ? { kind: 'package', package: pypi.packageName }
    : { kind: 'image' }
}
