import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { packageFolder } from '../../lib/files/package-folder.ts'
import { renderPage } from './render-page.ts'

const contentTypes: Readonly<Record<string, string>> = {
  md: 'text/markdown; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json; charset=utf-8',
}

export interface DocsFile {
  readonly contentType: string
  readonly text: string
}

/**
 * The documentation that comes with the program. Only the files that were in the folder at the start are served, each by its
 * name: no path is ever put together from what a client sends.
 */
export class DocsFolder {
  readonly #folder: string
  readonly #files: ReadonlySet<string>
  /** Each page is rendered only once; there are as many as files. */
  readonly #pages = new Map<string, Promise<string>>()

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

  /** The file as it is. */
  async read(path: string): Promise<DocsFile | undefined> {
    const contentType = contentTypes[extensionOf(path)]
    if (contentType === undefined || !this.has(path)) return undefined
    return { contentType, text: await readFile(join(this.#folder, path), 'utf8') }
  }

  /** A Markdown file as a page of HTML. */
  async page(path: string): Promise<string | undefined> {
    if (!path.endsWith('.md') || !this.has(path)) return undefined
    const cached = this.#pages.get(path)
    if (cached !== undefined) return cached
    const page = readFile(join(this.#folder, path), 'utf8').then((markdown) =>
      renderPage(markdown, { path, isServed: (other) => this.has(other) }),
    )
    this.#pages.set(path, page)
    page.catch(() => this.#pages.delete(path))
    return page
  }
}

function extensionOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
