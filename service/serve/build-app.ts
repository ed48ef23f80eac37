import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifySchemaCompiler,
} from 'fastify'
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { ConnectError, errorCodes } from '../../protocol/index.ts'
import { DocsFolder } from '../docs/docs-folder.ts'
import { docsRoutes, isBrowser, sendNoPage } from '../docs/docs-routes.ts'
import type { App } from '../platform/http/app.ts'
import { AuditTrail } from '../platform/http/audit-trail.ts'
import { Authentication } from '../platform/http/authentication.ts'
import { Authorization } from '../platform/http/authorization.ts'
import { checkBody } from '../platform/http/check-body.ts'
import { answerBrokenRequest } from '../platform/http/broken-request.ts'
import { requestInvalid, sendError } from '../platform/http/error-response.ts'
import { docsBases, knowDocsBase } from '../platform/http/docs-base.ts'
import { Followers } from '../platform/http/followers.ts'
import type { HttpOptions } from './http-options.ts'
import { respondCreated } from '../platform/http/idempotency.ts'
import {
  bodyLimitBytes,
  checkTimeoutsMs,
  defaultReceiveTimeoutMs,
  handlerTimeoutMs,
} from '../platform/http/limits.ts'
import { methodNotAllowed } from '../platform/http/method-not-allowed.ts'
import { openApi, openApiPage, openApiRoute } from '../platform/http/openapi.ts'
import { requestMetrics } from '../platform/http/request-metrics.ts'
import { refuseUnknown } from '../platform/http/refuse-unknown.ts'
import { requireAction } from '../platform/http/require-action.ts'
import { actionRoutes, invokedCalls } from '../actions/action-routes.ts'
import { apiKeyRoutes } from '../api-keys/api-key-routes.ts'
import { auditRoutes } from './audit-routes.ts'
import { authRoutes } from '../logins/login-routes.ts'
import { catalogRoutes } from '../catalog/catalog-routes.ts'
import { codegenRoutes } from '../codegen/codegen-routes.ts'
import { connectionRoutes } from '../connections/connection-routes.ts'
import { healthRoutes } from './health-routes.ts'
import { instanceRoutes } from '../instances/instance-routes.ts'
import { metricsRoute } from './metrics-route.ts'
import { oauthRoutes } from '../instances/oauth-routes.ts'
import { deliveryRoutes } from '../webhooks/deliveries/delivery-routes.ts'
import { receiverRights } from '../webhooks/receivers/receiver-access.ts'
import { receiverRoutes } from '../webhooks/receivers/receiver-routes.ts'
import { reservedRoutes } from './reserved-routes.ts'
import { runRoutes } from '../runs/run-routes.ts'
import { schemaRoutes } from '../schemas/schema-routes.ts'
import { userRoutes } from '../users/user-routes.ts'
import { ingressRoutes } from '../webhooks/ingress/ingress-routes.ts'
import { testDeliveryRoutes } from '../webhooks/ingress/test-delivery-routes.ts'
import { rejectRoutes } from '../rejects/reject-routes.ts'
import { comparisonRoutes } from '../comparisons/comparison-routes.ts'
import { sandboxRoutes } from '../sandboxes/sandbox-routes.ts'

/** The whole HTTP surface, before it listens on a socket. */
export async function buildApp(options: HttpOptions): Promise<App> {
  const closing = new AbortController()
  const app = createApp(options)
  app.addHook('preClose', () => {
    closing.abort()
    return Promise.resolve()
  })
  everyRequest(app, options)
  await openApi(app, options.version)
  const answerOtherMethods = methodNotAllowed(app)
  const { service } = options
  const guards = guardsOf(options)
  healthRoutes(app, service.health)
  docsRoutes(app, await DocsFolder.open())
  metricsRoute(app, [guards.authentication.onRequest, guards.authorization.onRequest], options)
  if (options.routes !== 'health')
    await apiRoutes(app, options, { guards, closing: closing.signal })
  openApiRoute(app)
  answerOtherMethods()
  await openApiPage(app)
  await app.ready()
  return app
}

interface Guards {
  readonly authentication: Authentication
  readonly authorization: Authorization
  readonly audit: AuditTrail
}

const noLimits = { requestsPerMinute: 0, failedLoginsPerMinute: 0 } as const

function guardsOf(options: HttpOptions): Guards {
  const { service, limits = noLimits, access, audit } = options
  return {
    authentication: new Authentication([service.apiKeys, service.logins], limits),
    authorization: new Authorization({
      access,
      audit,
      invokedCalls: invokedCalls(service.actions),
      needed: receiverRights(service.receivers),
    }),
    audit: new AuditTrail(audit),
  }
}

/** Adds authentication, authorization and the audit log to every route that is added later. */
function guard(api: App, { authentication, authorization, audit }: Guards): void {
  api.addHook('onRoute', requireAction)
  api.addHook('onRequest', authentication.onRequest)
  api.addHook('onRequest', authorization.onRequest)
  api.addHook('preValidation', authorization.preValidation)
  api.addHook('preValidation', refuseUnknown)
  api.addHook('preHandler', audit.preHandler)
  api.addHook('onSend', audit.onSend)
}

/**
 * For a long response: its key may be revoked or expire, and its user lose a role. If that cannot be checked
 * now, it is checked again later.
 */
function stillAllowedBy({ authentication, authorization }: Guards) {
  return async (request: FastifyRequest): Promise<void> => {
    try {
      await authentication.authenticate(request)
      await authorization.authorize(request)
    } catch (error) {
      if (errorCodes[ConnectError.from(error).code].httpStatus < 500) throw error
    }
  }
}

interface ApiOptions {
  readonly guards: Guards
  readonly closing: AbortSignal
}

async function apiRoutes(
  app: App,
  options: HttpOptions,
  { guards, closing }: ApiOptions,
): Promise<void> {
  const { service } = options
  const prefix = '/connect/v1'
  await app.register(
    (open, _, done) => {
      ingressRoutes(open, service.ingress)
      done()
    },
    { prefix },
  )
  await app.register(
    (api, _, done) => {
      guard(api, guards)
      const answer = respondCreated(options.idempotency, options.idempotencyHashKey)
      catalogRoutes(api, service.catalog)
      instanceRoutes(api, service.instances, answer)
      actionRoutes(api, service.actions)
      codegenRoutes(api, service)
      oauthRoutes(api, service.instances)
      connectionRoutes(api, service.connections, answer)
      runRoutes(api, {
        runs: service.runs,
        answer,
        closing,
        heartbeatMs: options.heartbeatMs ?? 15_000,
        followers: new Followers(options.followers),
        stillAllowed: stillAllowedBy(guards),
      })
      const mayShowRows = (request: FastifyRequest, name: string): Promise<boolean> =>
        guards.authorization.isAllowed(request, {
          action: 'connections:sandbox-rows',
          resource: { kind: 'connection', name },
        })
      sandboxRoutes(api, service.sandboxes, mayShowRows)
      comparisonRoutes(api, service.comparisons, mayShowRows)
      rejectRoutes(api, service.rejects)
      receiverRoutes(api, service.receivers)
      deliveryRoutes(api, service.deliveries)
      apiKeyRoutes(api, service.apiKeys)
      authRoutes(api, service.logins, options.audit)
      userRoutes(api, service.users)
      testDeliveryRoutes(api, service.ingress)
      schemaRoutes(api, service.schemas)
      auditRoutes(api, options.audit)
      reservedRoutes(api)
      done()
    },
    { prefix },
  )
}

function createApp(options: HttpOptions): App {
  const logger: FastifyBaseLogger = options.logger
  const receiveTimeoutMs = options.receiveTimeoutMs ?? defaultReceiveTimeoutMs
  const docsBaseOf = docsBases(options.urls ?? {})
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'request_id',
    }),
    requestIdHeader: false,
    genReqId: requestIdOf,
    bodyLimit: bodyLimitBytes,
    requestTimeout: receiveTimeoutMs,
    http: {
      requestTimeout: receiveTimeoutMs,
      // Node does not time bodies if this is longer than the other timeout, as it is by default.
      headersTimeout: receiveTimeoutMs,
      connectionsCheckingInterval: Math.min(receiveTimeoutMs, checkTimeoutsMs),
    },
    // Responses in progress are completed; no new requests are accepted.
    return503OnClosing: false,
    trustProxy: options.trustedProxies === undefined ? false : [...options.trustedProxies],
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) => {
      // No hook runs for a path that cannot be decoded.
      setHeaders(request, reply)
      request.docsBase = docsBaseOf(request)
      if (!sendNoPage(request, reply)) void sendError(error, request, reply)
    },
    clientErrorHandler: answerBrokenRequest,
  })
  parseBodies(app)
  app.setValidatorCompiler(compileValidator)
  app.setSerializerCompiler(serializerCompiler)
  app.decorateRequest('principal', null)
  app.decorateRequest('shown', null)
  app.decorateRequest('audited', null)
  app.decorateRequest('preparedCall', null)
  app.decorateRequest('failure', null)
  app.decorateRequest('invocationFacts', null)
  app.decorateRequest('docsBase', '')
  return app.withTypeProvider<ZodTypeProvider>()
}

/** JSON, and nothing else. Clients that send `application/json` without a body send none. */
function parseBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, bytes, done) => {
      if (bytes.length === 0) {
        done(null)
        return
      }
      if (!saysUtf8(request) || !isUtf8(bytes)) {
        done(new ConnectError('media_type_unsupported'))
        return
      }
      const text = bytes.toString('utf8')
      void parseJson(request, text, (error, body) => {
        done(error !== null && isJson(text) ? forbiddenProperty() : error, body)
      })
    },
  )
}

/** JSON between programs is UTF-8 (RFC 8259); text in another charset would be misread. */
function saysUtf8({ headers }: FastifyRequest): boolean {
  const [, charset = 'utf-8'] =
    /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(headers['content-type'] ?? '') ?? []
  return /^utf-?8$/i.test(charset)
}

/** The parser rejects names that would change the prototype of objects. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function forbiddenProperty(): Error {
  return requestInvalid([
    'body: it has a property `__proto__` or `constructor.prototype`, which is refused',
  ])
}

/** Fastify gives null if there is no body; a body that is null was refused before. */
const compileValidator: FastifySchemaCompiler<z.ZodType> = (route) => {
  const validate = validatorCompiler(route)
  return route.httpPart === 'body' ? (body: unknown) => validate(body ?? undefined) : validate
}

/** A client's id if it is safe in a log line and in a header; else a new one. */
function requestIdOf(request: IncomingMessage): string {
  const id = request.headers['x-request-id']
  return typeof id === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(id) ? id : randomUUID()
}

function everyRequest(app: App, options: HttpOptions): void {
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    const [path] = request.url.split('?')
    if (path === '/' && isBrowser(request)) return reply.redirect('./docs/', 302)
    return sendError(
      new ConnectError('route_not_found', { details: { path: (path ?? '').slice(0, 200) } }),
      request,
      reply,
    )
  })
  app.addHook('onRoute', (route) => {
    const { lasting, ownBody } = route.config ?? {}
    // A route that reads its own body has its own limits. Fastify's limit creates an error for each request,
    // which costs a fifteenth of a delivery.
    if (lasting !== true && ownBody !== true) route.handlerTimeout = handlerTimeoutMs
  })
  app.addHook('onRequest', (request, reply, done) => {
    setHeaders(request, reply)
    done()
  })
  app.addHook('onRequest', knowDocsBase(options.urls ?? {}))
  app.addHook('preValidation', checkBody)
  app.addHook('onResponse', requestMetrics(options.metrics))
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply.statusCode, reply.elapsedTime)
    done()
  })
}

/** Sets the headers of every response. */
function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  void reply.headers({
    'x-request-id': request.id,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  })
}

/** By route, not by URL: a query may contain an authorization code. */
function logRequest(request: FastifyRequest, status: number, durationMs: number): void {
  const quiet = status < 400 && (request.method === 'GET' || request.method === 'HEAD')
  request.log[quiet ? 'debug' : 'info'](
    {
      method: request.method,
      route: request.routeOptions.url ?? null,
      status,
      duration_ms: Math.round(durationMs),
      principal: request.principal?.id ?? null,
    },
    'request',
  )
}
