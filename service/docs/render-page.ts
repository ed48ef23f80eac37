import { posix } from 'node:path'
import { Marked, type RendererObject, type Tokens } from 'marked'
import { htmlText } from '../../lib/text/html-text.ts'

export interface PageContext {
  /**
   * Below the folder of the documentation: `errors/name_taken.md`, or `connectors/` for the list of a folder.
   */
  readonly path: string
  /** Whether another path below the folder can be opened. */
  readonly isServed: (path: string) => boolean
}

/**
 * Markdown as a whole page of HTML. It has no script, and loads only its style sheet and pictures from the
 * same folder.
 */
export function renderPage(markdown: string, context: PageContext): string {
  const root = '../'.repeat(context.path.split('/').length - 1)
  const marked = new Marked({ renderer: rendererFor(context) })
  const body = marked.parse(markdown, { async: false })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${htmlText(titleOf(markdown))} · Reactor Connect</title>
<link rel="stylesheet" href="${root}style.css">
</head>
<body>
<nav><a href="${root || './'}">Reactor Connect</a> <a href="${root}cli.md">Command line</a> <a href="${root}http-api.md">HTTP API</a> <a href="${root}errors/README.md">Errors</a> <a href="?raw">Markdown</a>
<form action="${root}search"><input type="search" name="q" aria-label="Search the documentation" placeholder="Search" required maxlength="200"></form></nav>
<main>
${body}</main>
</body>
</html>
`
}

/** The first heading, without marks. */
export function titleOf(markdown: string): string {
  const [, title = 'Documentation'] = /^# +(.+)$/m.exec(markdown) ?? []
  return title.replaceAll('`', '')
}

function rendererFor({ path, isServed }: PageContext): RendererObject {
  const ids = new HeadingIds()
  return {
    heading({ tokens, depth, text }: Tokens.Heading): string {
      const level = String(depth)
      const id = htmlText(ids.next(text))
      return `<h${level} id="${id}">${this.parser.parseInline(tokens)}</h${level}>\n`
    },
    // Raw HTML is shown as text: the pages need none.
    html({ text }: Tokens.HTML | Tokens.Tag): string {
      return htmlText(text)
    },
    link({ href, tokens }: Tokens.Link): string {
      const text = this.parser.parseInline(tokens)
      return canOpen(href, path, isServed)
        ? `<a href="${htmlText(href)}" rel="noreferrer">${text}</a>`
        : text
    },
    image({ href, text }: Tokens.Image): string {
      return `<img src="${htmlText(href)}" alt="${htmlText(text)}">`
    },
  }
}

/** Files of the sources are not served: the link to one becomes plain text. */
function canOpen(href: string, path: string, isServed: (path: string) => boolean): boolean {
  if (/^https?:\/\//.test(href) || href.startsWith('#')) return true
  const [file = ''] = href.split('#')
  const target = posix.join(path.slice(0, path.lastIndexOf('/') + 1), file)
  return isServed(target) || isServed(posix.join(target, 'README.md'))
}

/** Ids of headings as GitHub makes them, so that a link to a heading works here and there. */
export class HeadingIds {
  readonly #seen = new Map<string, number>()

  next(text: string): string {
    const id = text
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-')
    const times = this.#seen.get(id) ?? 0
    this.#seen.set(id, times + 1)
    return times === 0 ? id : `${id}-${String(times)}`
  }
}
