import type { CatalogSummary, FoundConnector } from './schema.ts'
import type { PublishedConnector } from './published/published-list.ts'

/** Connectors that fit a text. */
export interface ConnectorSearch {
  readonly items: readonly FoundConnector[]
  /** Why Airbyte's list could not be searched; null if it was. */
  readonly publishedProblem: string | null
}

/** How the connectors that Airbyte publishes are found. */
export type FindPublished = () => Promise<readonly PublishedConnector[]>

/**
 * Searches names and titles of the catalog, and of the connectors that Airbyte publishes. A published one
 * whose name is in the catalog is left out. If Airbyte's list cannot be had, the catalog is searched alone.
 */
export async function searchConnectors(
  text: string,
  {
    list,
    findPublished,
  }: {
    readonly list: () => Promise<readonly CatalogSummary[]>
    readonly findPublished: FindPublished
  },
): Promise<ConnectorSearch> {
  const [own, published] = await Promise.all([
    list(),
    findPublished().then(
      (found) => ({ found, problem: null }),
      (error: unknown) => ({
        found: [],
        problem: error instanceof Error ? error.message : String(error),
      }),
    ),
  ])
  const names = new Set(own.map(({ type }) => type))
  const all = [
    ...own.map(ofCatalog),
    ...published.found.filter(({ name }) => !names.has(name)).map(ofPublished),
  ]
  return { items: fittingConnectors(all, text), publishedProblem: published.problem }
}

/** Those whose name or title has each word of the text: names that are, or begin with, the text first. */
function fittingConnectors(
  connectors: readonly FoundConnector[],
  text: string,
): readonly FoundConnector[] {
  const wanted = text.trim().toLowerCase()
  const words = wanted.split(/\s+/)
  const rank = ({ name }: FoundConnector): number => {
    if (name === wanted) return 0
    return name.startsWith(wanted) ? 1 : 2
  }
  return connectors
    .filter(({ name, title }) => {
      const searched = `${name} ${title}`.toLowerCase()
      return words.every((word) => searched.includes(word))
    })
    .toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
}

function ofCatalog({ type, title, kind, problem }: CatalogSummary): FoundConnector {
  const runs = problem === null ? 'ready' : 'not_here'
  return { name: type, title, kind, runs, version: null, importAs: null, docsUrl: null, problem }
}

function ofPublished({ name, title, version, docsUrl, form }: PublishedConnector): FoundConnector {
  const shared = { name, title, kind: 'published', version, docsUrl: docsUrl ?? null } as const
  switch (form.kind) {
    case 'manifest':
      return { ...shared, runs: 'after_import', importAs: `airbyte:${name}`, problem: null }
    case 'package':
      return { ...shared, runs: 'as_process', importAs: `pypi:${form.package}`, problem: null }
    case 'image':
      return {
        ...shared,
        runs: 'not_here',
        importAs: null,
        problem: 'Airbyte publishes it only as an image of a container',
      }
  }
}
