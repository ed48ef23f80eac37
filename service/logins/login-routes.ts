import { z } from 'zod'
import type { AuditLog } from '../platform/audit/contract.ts'
import type { LoginService } from './contract.ts'
import type { App } from '../platform/http/app.ts'
import { principalOf } from '../platform/http/authentication.ts'
import { bodyFailures, failures, failuresOnly } from '../platform/http/failures.ts'
import { recordLogin } from './login-trail.ts'
import {
  keySetDocument,
  loginDocument,
  loginPlaceDocument,
  loginRequest,
  loginSchema,
  passwordChangeSchema,
  placeToWire,
  principalDocument,
  principalToWire,
} from './schema.ts'
import { fromWire, toWire, snakeCaseSchema } from '../platform/wire.ts'

const tags = ['logins']
const anonymous = { config: { anonymous: true } } as const
/** Errors of routes that need no token. */
const anonymousFailures = [
  'request_invalid',
  'unexpected',
  'identity_unreachable',
  'store_unavailable',
  'request_timed_out',
] as const

/** Routes about the caller's identity, and for logging in. */
export function authRoutes(api: App, logins: LoginService, audit: AuditLog): void {
  anonymousRoutes(api, logins)
  loginRoute(api, logins, audit)
  api.get(
    '/auth/whoami',
    {
      config: { action: 'self:read' },
      schema: {
        tags,
        operationId: 'getPrincipal',
        summary: 'Get the principal that the token belongs to',
        response: { 200: principalDocument, ...failures() },
      },
    },
    async (request, reply) => reply.send(principalToWire(principalOf(request))),
  )
  api.post(
    '/auth/logout',
    {
      config: { action: 'self:update' },
      schema: {
        tags,
        operationId: 'logout',
        summary: 'End all logins of the user',
        response: {
          204: z.null().meta({ description: 'All tokens of this user are now invalid.' }),
          ...failures('login_required', 'identity_external'),
        },
      },
    },
    async (request, reply) => {
      await logins.logout(principalOf(request))
      return reply.code(204).send(null)
    },
  )
  changePasswordRoute(api, logins)
}

function changePasswordRoute(api: App, logins: LoginService): void {
  api.post(
    '/auth/password',
    {
      config: { action: 'self:update' },
      schema: {
        tags,
        operationId: 'changePassword',
        summary: 'Change your own password: ends all logins and returns a new one',
        body: snakeCaseSchema(passwordChangeSchema),
        response: {
          200: loginDocument,
          ...failures(
            ...bodyFailures,
            'login_required',
            'login_refused',
            'login_throttled',
            'identity_unreachable',
            'identity_external',
          ),
        },
      },
    },
    async (request, reply) => {
      const change = fromWire(passwordChangeSchema, request.body)
      const login = await logins.changePassword(principalOf(request), change, request.ip)
      return reply.send(toWire(loginSchema, login))
    },
  )
}

function loginRoute(api: App, logins: LoginService, audit: AuditLog): void {
  api.post(
    '/auth/login',
    {
      ...anonymous,
      schema: {
        tags,
        operationId: 'login',
        summary: 'Log in with e-mail and password: a token for 12 hours',
        security: [],
        body: loginRequest,
        response: {
          200: loginDocument,
          ...failuresOnly(
            ...anonymousFailures,
            ...bodyFailures,
            'login_refused',
            'login_throttled',
            'identity_external',
          ),
        },
      },
    },
    async (request, reply) => {
      const login = await logins.login(request.body, {
        address: request.ip,
        record: (outcome) => recordLogin(audit, request, outcome),
      })
      return reply.send(toWire(loginSchema, login))
    },
  )
}

function anonymousRoutes(api: App, logins: LoginService): void {
  api.get(
    '/auth',
    {
      ...anonymous,
      schema: {
        tags,
        operationId: 'getLoginPlace',
        summary: 'Where users log in',
        security: [],
        response: { 200: loginPlaceDocument, ...failuresOnly(...anonymousFailures) },
      },
    },
    async (_request, reply) => reply.send(placeToWire(logins.place)),
  )
  api.get(
    '/.well-known/jwks.json',
    {
      ...anonymous,
      schema: {
        tags,
        operationId: 'getKeySet',
        summary: 'The public keys (JWKS) for tokens of this service',
        description: 'Empty if an Identity service issues the tokens.',
        security: [],
        response: { 200: keySetDocument, ...failuresOnly(...anonymousFailures) },
      },
    },
    async (_request, reply) => {
      const { keys } = await logins.keySet()
      return reply.send({ keys: keys.map((key) => ({ ...key })) })
    },
  )
}
