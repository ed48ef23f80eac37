import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { channelId, messageTs, nextCursor, paging } from './fields.ts'
import { message } from './outputs.ts'
import { slackRequest } from './request.ts'

const moment = z
  .string()
  .regex(/^\d+(?:\.\d{1,6})?$/, 'must be seconds since 1970, such as `1712345678.123456`')
  .exactOptional()

const range = {
  oldest: moment.meta({ description: 'Only later messages: seconds since 1970, or a `ts`.' }),
  latest: moment.meta({ description: 'Only earlier messages.' }),
  inclusive: z.boolean().exactOptional().meta({
    description: 'True: also the messages of exactly these times.',
  }),
  include_all_metadata: z.boolean().exactOptional().meta({
    description: 'True: metadata with their contents.',
  }),
  ...paging,
}

const page = z.looseObject({
  ok: z.literal(true),
  messages: z.array(message),
  has_more: z.boolean().exactOptional(),
  response_metadata: nextCursor,
})

export const getHistory = defineAction({
  name: 'getHistory',
  title: 'Read messages of a channel, the newest first, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ channel: channelId, ...range }),
  output: page,
  plan: (input, config) => slackRequest(config, 'conversations.history', input),
})

export const getReplies = defineAction({
  name: 'getReplies',
  title: 'Read a message and the replies of its thread, the oldest first, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    channel: channelId,
    ts: messageTs.meta({ description: 'The `ts` of the first message of the thread.' }),
    ...range,
  }),
  output: page,
  plan: (input, config) => slackRequest(config, 'conversations.replies', input),
})

export const getPermalink = defineAction({
  name: 'getPermalink',
  title: 'Get the link to a message',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ channel: channelId, message_ts: messageTs }),
  output: z.looseObject({ ok: z.literal(true), permalink: z.string() }),
  plan: (input, config) => slackRequest(config, 'chat.getPermalink', input),
})
