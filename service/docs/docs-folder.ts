import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { packageFolder } from '../../lib/files/package-folder.ts'
import { errorSection, own } from '../../protocol/index.ts'
import { renderPage, titleOf } from './render-page.ts'
import { PageSearch } from './search-pages.ts'

export const markdownType = 'text/markdown; charset=utf-8'

const contentTypes: Readonly<Record<string, string>> = {
  md: markdownType,
  svg: 'image/svg+xml',
  json: 'application/json; charset=utf-8',
}

/** The start page of a folder. */
const startPages = ['index.md', 'README.md']

/** Pages that others have taken in. Bookmarks and stored errors refer to them. */
const movedPages: Readonly<Record<string, string>> = {
  'sandbox-diff': 'sandbox.md#figures-of-the-report',
  'row-messages': 'topic-destination.md#messages',
  'row-promises': 'topic-destination.md#promises-to-readers',
  'topic-promises': 'topics.md#promises',
  'webhook-ingress': 'webhook-reference.md',
  'webhook-streams': 'webhook-reference.md#events-into-tables',
  'webhook-targets': 'webhook-reference.md',
}

/**
 * Where a path of a client leads: to a page or file, or to another path, from the place of the one that was
 * asked for.
 */
type DocsTarget =
  | { readonly kind: 'found'; readonly path: string }
  | { readonly kind: 'moved'; readonly to: string }

export interface DocsFile {
  readonly contentType: string
  readonly text: string
}

/**
 * The documentation that comes with the program. Only the files that were in the folder at the start are
 * served, each by its name: no path is ever put together from what a client sends.
 */
export class DocsFolder {
  readonly #folder: string
  readonly #files: ReadonlySet<string>
  /** Each page is rendered only once; there are as many as files. */
  readonly #pages = new Map<string, Promise<string>>()
  #search: Promise<PageSearch> | undefined

  private constructor(folder: string, files: ReadonlySet<string>) {
    this.#folder = folder
    this.#files = files
  }

  /** Without a folder there are no pages, for a program outside of its package. */
  static async open(
    folder = join(packageFolder(import.meta.url) ?? import.meta.dirname, 'docs'),
  ): Promise<DocsFolder> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
    const paths = entries
      // Not links: they may lead out of the folder.
      .filter((entry) => entry.isFile() && contentTypes[extensionOf(entry.name)] !== undefined)
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    return new DocsFolder(folder, new Set(paths))
  }

  /** Whether there is a file such as `errors/name_taken.md`. */
  has(path: string): boolean {
    return this.#files.has(path)
  }

  /** Undefined: there is nothing. People leave out `.md`, and the `/` after a folder. */
  find(path: string): DocsTarget | undefined {
    if (this.has(path)) return { kind: 'found', path }
    if (path === '' || path.endsWith('/')) {
      const startPage = startPages.find((name) => this.has(path + name))
      if (startPage !== undefined) return { kind: 'found', path: path + startPage }
      return this.#isFolder(path) ? { kind: 'found', path } : undefined
    }
    const name = path.slice(path.lastIndexOf('/') + 1)
    const section = errorSection(name.replace(/\.md$/, ''))
    // Each code had a page of its own once, and stored errors refer to it.
    if (path.startsWith('errors/') && section !== undefined) {
      return { kind: 'moved', to: `./${section.slice('docs/errors/'.length)}` }
    }
    const movedTo = own(movedPages, path.replace(/\.md$/, ''))
    if (movedTo !== undefined) return { kind: 'moved', to: `./${movedTo}` }
    if (this.has(`${path}.md`)) return { kind: 'moved', to: `./${name}.md` }
    return this.#isFolder(`${path}/`) ? { kind: 'moved', to: `./${name}/` } : undefined
  }

  /** The file as it is, or the list of a folder without a start page. */
  async read(path: string): Promise<DocsFile | undefined> {
    if (this.#isFolder(path)) {
      return { contentType: markdownType, text: await this.#listFolder(path) }
    }
    const contentType = contentTypes[extensionOf(path)]
    if (contentType === undefined || !this.has(path)) return undefined
    return { contentType, text: await readFile(join(this.#folder, path), 'utf8') }
  }

  /** A Markdown file, or the list of a folder, as a page of HTML. */
  async page(path: string): Promise<string | undefined> {
    if (!this.#isFolder(path) && !(path.endsWith('.md') && this.has(path))) return undefined
    const cached = this.#pages.get(path)
    if (cached !== undefined) return cached
    const page = this.#render(path)
    this.#pages.set(path, page)
    page.catch(() => this.#pages.delete(path))
    return page
  }

  /** The sections that have the words of a query, as Markdown. */
  async search(query: string): Promise<string> {
    this.#search ??= this.#openSearch()
    return (await this.#search).resultPage(query)
  }

  async #openSearch(): Promise<PageSearch> {
    const paths = [...this.#files].filter((path) => path.endsWith('.md')).toSorted()
    const texts = paths.map(async (path) => readFile(join(this.#folder, path), 'utf8'))
    const read = await Promise.all(texts)
    return new PageSearch(paths.map((path, index) => [path, read[index] ?? '']))
  }

  async #render(path: string): Promise<string> {
    const file = await this.read(path)
    return renderPage(file?.text ?? '', { path, isServed: (other) => this.has(other) })
  }

  #isFolder(path: string): boolean {
    return path.endsWith('/') && [...this.#files].some((file) => file.startsWith(path))
  }

  async #listFolder(path: string): Promise<string> {
    const names = [...this.#files]
      .filter((file) => file.startsWith(path))
      .map((file) => file.slice(path.length))
      .filter((name) => !name.includes('/'))
      .toSorted()
    const lines = names.map(async (name) => {
      const title = name.endsWith('.md')
        ? titleOf(await readFile(join(this.#folder, path, name), 'utf8'))
        : name
      return `- [${title}](${name})\n`
    })
    return `# ${path.slice(0, -1)}\n\n${(await Promise.all(lines)).join('')}`
  }
}

function extensionOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
