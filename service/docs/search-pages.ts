import MiniSearch, { type SearchResult } from 'minisearch'
import { HeadingIds, titleOf } from './render-page.ts'

/** The sections that fit a search, best first. */
const shownSections = 20
const excerptCharacters = 200

interface Section {
  /** Below the folder of the documentation, with the anchor: `errors/resource.md#name_taken`. */
  readonly id: string
  readonly page: string
  readonly heading: string
  readonly text: string
}

/** Finds sections of the pages by their words. The index is made once, in about 0.3 s for all pages. */
export class PageSearch {
  readonly #index = new MiniSearch<Section>({
    fields: ['heading', 'page', 'text'],
    storeFields: ['page', 'heading', 'text'],
    searchOptions: { boost: { heading: 4, page: 2 }, prefix: true, fuzzy: 0.2, combineWith: 'AND' },
  })

  /** @param pages Markdown by path below the folder. */
  constructor(pages: Iterable<readonly [path: string, markdown: string]>) {
    for (const [path, markdown] of pages) this.#index.addAll(sectionsOf(path, markdown))
  }

  /** The result as Markdown. Links are relative to the folder of the documentation. */
  resultPage(query: string): string {
    const results = this.#index.search(query).slice(0, shownSections)
    const title = `# Search: ${escapeMarkdown(query)}\n\n`
    if (results.length === 0) return `${title}No section has all of these words.\n`
    return title + results.map(resultLine).join('\n')
  }
}

/** MiniSearch gives stored fields without their types. */
function resultLine(result: SearchResult): string {
  const { page, heading, text } = result as SearchResult & Omit<Section, 'id'>
  const place = heading === page ? '' : ` · ${escapeMarkdown(page)}`
  return `- [${escapeMarkdown(heading)}](${String(result.id)})${place}\n  ${escapeMarkdown(excerptOf(text))}\n`
}

function sectionsOf(path: string, markdown: string): Section[] {
  const page = titleOf(markdown)
  const ids = new HeadingIds()
  const sections: Section[] = []
  for (const part of markdown.split(/^(?=#{1,4} )/m)) {
    const [, heading, text = ''] = /^#+ (.+)\n?([^]*)$/.exec(part) ?? []
    if (heading === undefined) continue
    const id = `${path}#${ids.next(heading)}`
    sections.push({ id, page, heading: plain(heading), text: plain(text) })
  }
  return sections
}

function plain(markdown: string): string {
  return markdown
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[`*>|#]/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

function excerptOf(text: string): string {
  if (text.length <= excerptCharacters) return text
  return `${text.slice(0, text.lastIndexOf(' ', excerptCharacters))} …`
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]()#+\-.!|<>~]/g, String.raw`\$&`)
}
