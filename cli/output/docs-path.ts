import { join, relative, isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolder } from '../../lib/files/package-folder.ts'
import type { ErrorBody } from '../../protocol/index.ts'

/** Where the pages are that came with this program: a checkout, or what npm installed. */
const folder = packageFolder(import.meta.url)

/** A page such as `docs/errors/usage.md` as a path that a person can open from here; a URL stays as it is. */
export function docsPath(link: string): string {
  if (folder === undefined || !isOurs(link)) return link
  const path = join(folder, link)
  const fromHere = relative(process.cwd(), path)
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere
}

/** The same as a URL, for programs. */
export function docsFileUrl(link: string): string {
  if (folder === undefined || !isOurs(link)) return link
  const [path = '', anchor] = link.split('#')
  return `${pathToFileURL(join(folder, path)).href}${anchor === undefined ? '' : `#${anchor}`}`
}

/** An error as `--json` shows it. */
export function errorJson(error: ErrorBody): ErrorBody {
  return { ...error, docs_url: docsFileUrl(error.docs_url) }
}

function isOurs(link: string): boolean {
  return link.startsWith('docs/')
}
