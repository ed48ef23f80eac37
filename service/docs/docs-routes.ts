import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import { markdownType, type DocsFile, type DocsFolder } from './docs-folder.ts'
import { pageStyle } from './page-style.ts'
import { renderPage } from './render-page.ts'
import type { App } from '../platform/http/app.ts'

/** A page loads its style and pictures from this server, and nothing else; its form is the search. */
const pagePolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
/** A picture that is opened directly has its style inside. */
const picturePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/**
 * The documentation, as `docs_url` of an error refers to it. Without a key: it is the same for everybody, and
 * public.
 */
export function docsRoutes(app: App, docs: DocsFolder): void {
  const route = { config: { anonymous: true }, schema: { hide: true } } as const
  // From the place of the path that was asked for: a proxy may serve all of this below a path of its own.
  app.get('/docs', route, async (_request, reply) => reply.redirect('./docs/', 308))
  app.get('/docs/style.css', route, async (_request, reply) =>
    reply.header('content-type', 'text/css; charset=utf-8').send(pageStyle),
  )
  app.get(
    '/docs/search',
    {
      ...route,
      schema: { ...route.schema, querystring: z.object({ q: z.string().max(200).default('') }) },
    },
    async (request, reply) => {
      const text = await docs.search(request.query.q)
      const isPage = !wantsMarkdown(request)
      if (!isPage) return sendFile(reply, { contentType: markdownType, text })
      return sendPage(
        reply,
        renderPage(text, { path: 'search', isServed: (path) => docs.has(path) }),
      )
    },
  )
  app.get(
    '/docs/*',
    { ...route, schema: { ...route.schema, params: z.object({ '*': z.string() }) } },
    async (request, reply) => {
      const target = docs.find(request.params['*'])
      if (target === undefined) return sendNotFound(request, reply)
      if (target.kind === 'moved') return reply.redirect(withQuery(target.to, request), 308)
      const page = wantsMarkdown(request) ? undefined : await docs.page(target.path)
      if (page !== undefined) return sendPage(reply, page)
      const file = await docs.read(target.path)
      return file === undefined ? sendNotFound(request, reply) : sendFile(reply, file)
    },
  )
}

/**
 * Sends the page for a path that cannot be decoded, so that no route gets it. False if no browser asked, or
 * not for documentation.
 */
export function sendNoPage(request: FastifyRequest, reply: FastifyReply): boolean {
  if (!request.url.startsWith('/docs/') || !isBrowser(request)) return false
  sendNotFound(request, reply)
  return true
}

/** A browser asks for HTML by name; programs that take anything do not. */
export function isBrowser({ method, headers }: FastifyRequest): boolean {
  const isRead = method === 'GET' || method === 'HEAD'
  return isRead && /\btext\/html\b/.test(headers.accept ?? '')
}

/** The query goes before the anchor. */
function withQuery(to: string, { url }: FastifyRequest): string {
  const start = url.indexOf('?')
  if (start === -1) return to
  const [path = '', anchor] = to.split('#')
  return `${path}${url.slice(start)}${anchor === undefined ? '' : `#${anchor}`}`
}

/** The links of the page start at the path that was asked for. */
function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = ''] = request.url.split('?')
  if (!isBrowser(request)) {
    throw new ConnectError('route_not_found', { details: { path: path.slice(0, 200) } })
  }
  const below = path.slice('/docs/'.length)
  const start = '../'.repeat(below.split('/').length - 1) || './'
  const text = `# There is no such page\n\nThe [documentation](${start}) lists its pages, [errors](${start}errors/) has every error.\n`
  return sendPage(reply.code(404), renderPage(text, { path: below, isServed: () => true }))
}

/** `?raw`, or `Accept: text/markdown` or `text/plain`, which programs send to read the text itself. */
function wantsMarkdown({ query, headers }: FastifyRequest): boolean {
  const isRaw = typeof query === 'object' && query !== null && 'raw' in query
  const accept = headers.accept ?? ''
  return isRaw || (/\btext\/(markdown|plain)\b/.test(accept) && !accept.includes('text/html'))
}

function sendPage(reply: FastifyReply, page: string): FastifyReply {
  return reply
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': pagePolicy,
      vary: 'accept',
    })
    .send(page)
}

function sendFile(reply: FastifyReply, { contentType, text }: DocsFile): FastifyReply {
  const isPicture = contentType.startsWith('image/')
  return reply
    .headers({
      'content-type': contentType,
      vary: 'accept',
      ...(isPicture && { 'content-security-policy': picturePolicy }),
    })
    .send(text)
}
