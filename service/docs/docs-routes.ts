import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { DocsFile, DocsFolder } from './docs-folder.ts'
import { pageStyle } from './page-style.ts'
import type { App } from '../platform/http/app.ts'

/** A page loads its style and pictures from this server, and nothing else. */
const pagePolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
/** A picture that is opened directly has its style inside. */
const picturePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/** The start page of a folder. */
const startPages = ['index.md', 'README.md']

/** The documentation, as `docs_url` of an error refers to it. Without a key: it is the same for everybody, and public. */
export function docsRoutes(app: App, docs: DocsFolder): void {
  const route = { config: { anonymous: true }, schema: { hide: true } } as const
  app.get('/docs', route, async (_request, reply) => reply.redirect('/docs/', 308))
  app.get('/docs/style.css', route, async (_request, reply) =>
    reply.header('content-type', 'text/css; charset=utf-8').send(pageStyle),
  )
  app.get(
    '/docs/*',
    { ...route, schema: { ...route.schema, params: z.object({ '*': z.string() }) } },
    async (request, reply) => {
      const path = servedPath(docs, request.params['*'])
      const page = wantsMarkdown(request) ? undefined : await docs.page(path)
      if (page !== undefined) return sendPage(reply, page)
      const file = await docs.read(path)
      if (file === undefined) throw noSuchPage(request)
      return sendFile(reply, file)
    },
  )
}

function servedPath(docs: DocsFolder, path: string): string {
  if (path !== '' && !path.endsWith('/')) return path
  const startPage = startPages.find((name) => docs.has(path + name))
  return path + (startPage ?? '')
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

function noSuchPage({ url }: FastifyRequest): ConnectError {
  const [path = ''] = url.split('?')
  return new ConnectError('route_not_found', { details: { path: path.slice(0, 200) } })
}
