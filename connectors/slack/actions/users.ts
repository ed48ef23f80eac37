import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { channelId, nextCursor, paging, userId } from './fields.ts'
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

export const listUsers = defineAction({
  name: 'listUsers',
  title: 'List the users of the workspace, deleted ones and apps among them, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    include_locale: z.boolean().exactOptional(),
    team_id: z.string().exactOptional().meta({ description: 'Of an organization: the workspace.' }),
    ...paging,
  }),
  output: z.looseObject({
    ok: z.literal(true),
    members: z.array(user),
    response_metadata: nextCursor,
  }),
  plan: (input, config) => slackRequest(config, 'users.list', input),
})

export const listChannelMembers = defineAction({
  name: 'listChannelMembers',
  title: 'List the ids of the users in a channel, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ channel: channelId, ...paging }),
  output: z.looseObject({
    ok: z.literal(true),
    members: z.array(z.string()),
    response_metadata: nextCursor,
  }),
  plan: (input, config) => slackRequest(config, 'conversations.members', input),
})
