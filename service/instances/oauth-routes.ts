import type { FastifyReply, FastifyRequest, preValidationAsyncHookHandler } from 'fastify'
import { z } from 'zod'
import { ConnectError, errorCodes } from '../../protocol/index.ts'
import type { InstanceService } from './contract.ts'
import type { App } from '../platform/http/app.ts'
import { reportedError, sendError } from '../platform/http/error-response.ts'
import { failuresOnly } from '../platform/http/failures.ts'
import { authorizedDocument, callbackQuery } from './schema.ts'
import { htmlText } from '../../lib/text/html-text.ts'

/**
 * The browser returns here after the user has agreed. Only we could have made the state, so it replaces the
 * key.
 */
export function oauthRoutes(api: App, instances: InstanceService): void {
  api.get(
    '/oauth/callback',
    {
      config: { anonymous: true, action: 'instances:credentials' },
      exposeHeadRoute: false,
      preValidation: requirePending(instances),
      schema: {
        tags: ['instances'],
        operationId: 'completeAuthorization',
        summary: 'Complete OAuth with the parameters that the browser brings back',
        description:
          'Responds with a page to a browser (`Accept: text/html`), with JSON to a program.',
        security: [],
        querystring: callbackQuery,
        response: {
          200: {
            description: 'The instance is authorized.',
            content: {
              'application/json': { schema: authorizedDocument },
              'text/html': { schema: z.string() },
            },
          },
          ...failuresOnly(
            'request_invalid',
            'oauth_state_invalid',
            'oauth_denied',
            'oauth_exchange_failed',
            'unexpected',
            'store_unavailable',
            'request_timed_out',
          ),
        },
      },
      errorHandler: (error, request, reply) => {
        if (wantsPage(request)) sendErrorPage(error, request, reply)
        else sendError(error, request, reply)
      },
    },
    async (request, reply) => {
      const { state, code, error, iss } = request.query
      const instance = await instances.completeAuthorization({
        state,
        ...(code !== undefined && { code }),
        ...(error !== undefined && { error }),
        ...(iss !== undefined && { iss }),
      })
      if (request.audited !== null) request.audited.name = instance.name
      if (!wantsPage(request)) {
        return reply.send({ name: instance.name, credentials: instance.credentials })
      }
      return reply
        .headers(page.headers)
        .send(
          page.render('Authorized', [`${instance.name} is connected. You can close this page.`]),
        )
    },
  )
}

/** Before the audit log: anybody can make up states, and would fill it. */
function requirePending(instances: InstanceService): preValidationAsyncHookHandler {
  return async ({ query }) => {
    const { data } = callbackQuery.safeParse(query)
    if (data === undefined) return // the schema says what is wrong
    if (!(await instances.isAuthorizationPending(data.state)))
      throw new ConnectError('oauth_state_invalid')
  }
}

function wantsPage({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') === true
}

function sendErrorPage(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { code, message, suggestedFix } = reportedError(thrown, request)
  void reply
    .code(errorCodes[code].httpStatus)
    .headers(page.headers)
    .send(page.render('Not authorized', [message, suggestedFix]))
}

/** A small page for a person in a browser: no script, no style from elsewhere. */
const page = {
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  },
  render(title: string, paragraphs: readonly string[]): string {
    const body = paragraphs.map((text) => `<p>${htmlText(text)}</p>`).join('\n')
    return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${htmlText(title)} · Reactor Connect</title>
<h1>${htmlText(title)}</h1>
${body}
</html>
`
  },
} as const
