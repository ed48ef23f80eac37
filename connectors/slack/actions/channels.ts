import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { channelId, channelResult, done, nextCursor, paging, userId } from './fields.ts'
import { channel } from './outputs.ts'
import { resultOrNoChange, slackRequest } from './request.ts'

const channelName = z
  .string()
  .regex(
    /^[^A-Z\s.,;:!?@#/\\'"`()[\]{}]+$/,
    'must be in lower case, without spaces and most punctuation',
  )
  .max(80)

export const createChannel = defineAction({
  name: 'createChannel',
  title: 'Create a channel',
  effect: 'create',
  // The second call is refused with `name_taken`, which does not say whose channel it is.
  idempotency: 'none',
  input: z.object({
    name: channelName,
    is_private: z.boolean().exactOptional(),
    team_id: z.string().exactOptional().meta({ description: 'Of an organization: the workspace.' }),
  }),
  output: channelResult,
  plan: (input, config) => slackRequest(config, 'conversations.create', input),
})

export const renameChannel = defineAction({
  name: 'renameChannel',
  title: 'Rename a channel',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ channel: channelId, name: channelName }),
  output: channelResult,
  plan: (input, config) => slackRequest(config, 'conversations.rename', input),
})

export const setTopic = defineAction({
  name: 'setTopic',
  title: 'Set the topic of a channel',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ channel: channelId, topic: z.string().max(250) }),
  output: channelResult,
  plan: (input, config) => slackRequest(config, 'conversations.setTopic', input),
})

export const setPurpose = defineAction({
  name: 'setPurpose',
  title: 'Set the description of a channel',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ channel: channelId, purpose: z.string().max(250) }),
  output: z.looseObject({ ok: z.literal(true) }),
  plan: (input, config) => slackRequest(config, 'conversations.setPurpose', input),
})

export const inviteToChannel = defineAction({
  name: 'inviteToChannel',
  title: 'Invite users to a channel',
  effect: 'update',
  // A second call is refused with `already_in_channel`.
  idempotency: 'none',
  input: z.object({
    channel: channelId,
    users: z.array(userId).min(1).max(1000),
    force: z.boolean().exactOptional().meta({
      description: 'Invite the others if some users cannot be invited.',
    }),
  }),
  output: channelResult,
  plan: ({ users, ...input }, config) =>
    slackRequest(config, 'conversations.invite', { ...input, users: users.join(',') }),
})

export const removeFromChannel = defineAction({
  name: 'removeFromChannel',
  title: 'Remove a user from a channel',
  effect: 'update',
  // A second call is refused with `not_in_channel`, which may also mean that the app is not in it.
  idempotency: 'none',
  input: z.object({ channel: channelId, user: userId }),
  output: z.looseObject({ ok: z.literal(true) }),
  plan: (input, config) => slackRequest(config, 'conversations.kick', input),
})

export const joinChannel = defineAction({
  name: 'joinChannel',
  title: 'Join a public channel as the app',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ channel: channelId }),
  output: channelResult,
  plan: (input, config) => slackRequest(config, 'conversations.join', input),
})

export const archiveChannel = defineAction({
  name: 'archiveChannel',
  title: 'Archive a channel',
  effect: 'update',
  idempotency: 'natural',
  // It removes the members, and an app cannot undo it with the token of a bot.
  requiresConfirmation: true,
  input: z.object({ channel: channelId }),
  output: done,
  plan: (input, config) => slackRequest(config, 'conversations.archive', input),
  result: resultOrNoChange,
})

export const unarchiveChannel = defineAction({
  name: 'unarchiveChannel',
  title: 'Take a channel out of the archive, with the token of a user',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ channel: channelId }),
  output: done,
  plan: (input, config) => slackRequest(config, 'conversations.unarchive', input),
  result: resultOrNoChange,
})

export const openConversation = defineAction({
  name: 'openConversation',
  title: 'Open a direct message with one or several users',
  effect: 'create',
  // The same users have one conversation.
  idempotency: 'natural',
  input: z
    .object({
      users: z.array(userId).min(1).max(8).exactOptional(),
      channel: channelId.exactOptional().meta({
        description: 'Id of a direct message that is to be opened again, in the place of users.',
      }),
      return_im: z.boolean().exactOptional().meta({
        description: 'True: the output has all of the conversation.',
      }),
      prevent_creation: z.boolean().exactOptional().meta({
        description: 'True: only find one that there is.',
      }),
    })
    .refine(
      ({ users, channel }) => (users === undefined) !== (channel === undefined),
      'give either users or channel',
    ),
  output: channelResult,
  plan: ({ users, ...input }, config) =>
    slackRequest(config, 'conversations.open', { ...input, users: users?.join(',') }),
})

export const listChannels = defineAction({
  name: 'listChannels',
  title: 'List channels, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    types: z
      .array(z.enum(['public_channel', 'private_channel', 'mpim', 'im']))
      .min(1)
      .exactOptional()
      .meta({ description: 'Default: public channels.' }),
    exclude_archived: z.boolean().exactOptional(),
    team_id: z.string().exactOptional().meta({ description: 'Of an organization: the workspace.' }),
    ...paging,
  }),
  output: z.looseObject({
    ok: z.literal(true),
    channels: z.array(channel),
    response_metadata: nextCursor,
  }),
  plan: ({ types, ...input }, config) =>
    slackRequest(config, 'conversations.list', { ...input, types: types?.join(',') }),
})

export const getChannel = defineAction({
  name: 'getChannel',
  title: 'Get a channel',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    channel: channelId,
    include_locale: z.boolean().exactOptional(),
    include_num_members: z.boolean().exactOptional().meta({
      description: 'True: the output has the number of members.',
    }),
  }),
  output: channelResult,
  plan: (input, config) => slackRequest(config, 'conversations.info', input),
})
