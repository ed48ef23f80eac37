import { z } from 'zod'
import type { UserService } from './contract.ts'
import { checkWeaker } from '../api-keys/weaker-key.ts'
import type { App } from '../platform/http/app.ts'
import { principalOf } from '../platform/http/authentication.ts'
import { bodyFailures, failures } from '../platform/http/failures.ts'
import { pageQuery, pageSchema, pageToWire } from '../platform/lists.ts'
import {
  email,
  passwordReset,
  userChange,
  userCreate,
  userDocument,
  userSchema,
  userWithPassword,
  userWithPasswordSchema,
} from './schema.ts'
import { toWire } from '../platform/wire.ts'

const tags = ['users']
const params = z.object({ email })
/** The response contains a password, and would have to be stored to be repeated. */
const headers = z
  .looseObject({ 'idempotency-key': z.undefined().optional() })
  .meta({ type: 'object' })

/** Users of the embedded identity: for admins. */
export function userRoutes(api: App, users: UserService): void {
  api.get(
    '/users',
    {
      config: { action: 'users:read' },
      schema: {
        tags,
        operationId: 'listUsers',
        summary: 'Users, by e-mail',
        querystring: z.strictObject(pageQuery),
        response: {
          200: pageSchema(userDocument).meta({ id: 'UserPage' }),
          ...failures('cursor_invalid', 'identity_external'),
        },
      },
    },
    async ({ query }, reply) => reply.send(pageToWire(userSchema, await users.list(query))),
  )
  createRoute(api, users)
  changeRoutes(api, users)
  deleteRoute(api, users)
}

function createRoute(api: App, users: UserService): void {
  api.post(
    '/users',
    {
      config: { action: 'users:create' },
      schema: {
        tags,
        operationId: 'createUser',
        summary: 'Add a user; the password is shown only once',
        description: 'Does not accept an `Idempotency-Key`: the response contains the password.',
        headers,
        body: userCreate,
        response: {
          201: userWithPassword,
          ...failures(
            ...bodyFailures,
            'api_key_too_strong',
            'name_taken',
            'identity_external',
            'login_throttled',
          ),
        },
      },
    },
    async (request, reply) => {
      const { body } = request
      checkWeaker(principalOf(request), { kind: body.role })
      const { password } = body
      const input = { email: body.email, role: body.role }
      const made = await users.create({ ...input, ...(password !== undefined && { password }) })
      return reply.code(201).send(toWire(userWithPasswordSchema, made))
    },
  )
}

function changeRoutes(api: App, users: UserService): void {
  api.patch(
    '/users/:email',
    {
      config: { action: 'users:update' },
      schema: {
        tags,
        operationId: 'updateUser',
        summary: 'Change the role of a user; takes effect at once',
        params,
        body: userChange,
        response: {
          200: userDocument,
          ...failures(...bodyFailures, 'api_key_too_strong', 'user_not_found', 'identity_external'),
        },
      },
    },
    async (request, reply) => {
      const { params: place, body } = request
      checkWeaker(principalOf(request), { kind: body.role })
      checkWeaker(principalOf(request), { kind: (await users.get(place.email)).role })
      return reply.send(toWire(userSchema, await users.setRole(place.email, body.role)))
    },
  )
  api.post(
    '/users/:email/reset-password',
    {
      config: { action: 'users:update' },
      schema: {
        tags,
        operationId: 'resetPassword',
        summary: 'Set a new password, shown only once, and end all logins of the user',
        description: 'Does not accept an `Idempotency-Key`: the response contains the password.',
        headers,
        params,
        body: passwordReset,
        response: {
          200: userWithPassword,
          ...failures(
            ...bodyFailures,
            'api_key_too_strong',
            'user_not_found',
            'identity_external',
            'login_throttled',
          ),
        },
      },
    },
    async (request, reply) => {
      const { params: place, body } = request
      // The caller gets a password of that user, and so all of the user's rights.
      checkWeaker(principalOf(request), { kind: (await users.get(place.email)).role })
      return reply.send(
        toWire(userWithPasswordSchema, await users.resetPassword(place.email, body?.password)),
      )
    },
  )
}

function deleteRoute(api: App, users: UserService): void {
  api.delete(
    '/users/:email',
    {
      config: { action: 'users:delete' },
      schema: {
        tags,
        operationId: 'deleteUser',
        summary: 'Remove a user and end all their logins',
        params,
        response: {
          204: z.null().meta({ description: 'The user is removed.' }),
          ...failures('user_not_found', 'identity_external'),
        },
      },
    },
    async (request, reply) => {
      await users.delete(request.params.email)
      return reply.code(204).send(null)
    },
  )
}
