import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { userId } from './fields.ts'
import { user } from './outputs.ts'
import { slackRequest } from './request.ts'

const output = z.looseObject({
  ok: z.literal(true),
  user,
})

export const lookupUserByEmail = defineAction({
  name: 'lookupUserByEmail',
  title: 'Find a user by their e-mail address',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ email: z.string().min(1).max(320) }),
  output,
  plan: (input, config) => slackRequest(config, 'users.lookupByEmail', input),
})

export const getUser = defineAction({
  name: 'getUser',
  title: 'Get a user',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ user: userId, include_locale: z.boolean().exactOptional() }),
  output,
  plan: (input, config) => slackRequest(config, 'users.info', input),
})
