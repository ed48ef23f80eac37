import { z } from 'zod'
import { defineAction } from '../../action.ts'
import {
  author,
  channelId,
  contents,
  contentsMissing,
  done,
  eventMetadata,
  hasContents,
  hasOneText,
  messageTs,
  metadata,
  postedMessage,
  textsClash,
  userId,
} from './fields.ts'
import { message } from './outputs.ts'
import { resultOrNoChange, slackRequest } from './request.ts'

const thread = messageTs.exactOptional().meta({
  description: 'The `ts` of the first message of a thread, to reply in it.',
})

const parsing = {
  link_names: z.boolean().exactOptional(),
  parse: z.enum(['full', 'none']).exactOptional(),
}

const display = {
  thread_ts: thread,
  reply_broadcast: z.boolean().exactOptional().meta({
    description: 'Show the reply in the channel, too.',
  }),
  unfurl_links: z.boolean().exactOptional(),
  unfurl_media: z.boolean().exactOptional(),
  ...parsing,
  metadata,
}

export const postMessage = defineAction({
  name: 'postMessage',
  title: 'Post a message',
  effect: 'create',
  // Slack knows no key by which it would recognize a repeated call.
  idempotency: 'none',
  input: z
    .object({
      channel: channelId.meta({
        description: 'Id of a conversation, or of a user for a direct message.',
      }),
      ...contents,
      ...display,
      mrkdwn: z.boolean().exactOptional(),
      ...author,
    })
    .refine(hasContents, contentsMissing)
    .refine(hasOneText, textsClash),
  output: postedMessage,
  plan: (input, config) => slackRequest(config, 'chat.postMessage', input),
})

export const postEphemeral = defineAction({
  name: 'postEphemeral',
  title: 'Show a message to one member of a channel',
  effect: 'create',
  idempotency: 'none',
  input: z
    .object({
      channel: channelId,
      user: userId,
      ...contents,
      thread_ts: thread,
      ...parsing,
      ...author,
    })
    .refine(hasContents, contentsMissing)
    .refine(hasOneText, textsClash),
  output: z.looseObject({ ok: z.literal(true), message_ts: z.string() }),
  plan: (input, config) => slackRequest(config, 'chat.postEphemeral', input),
})

export const updateMessage = defineAction({
  name: 'updateMessage',
  title: 'Change a message of the app',
  effect: 'update',
  idempotency: 'natural',
  input: z
    .object({
      channel: channelId,
      ts: messageTs,
      ...contents,
      blocks: contents.blocks.meta({ description: 'An empty list removes them.' }),
      attachments: contents.attachments.meta({ description: 'An empty list removes them.' }),
      ...parsing,
      metadata: z
        .union([eventMetadata, z.strictObject({})])
        .exactOptional()
        .meta({
          description: 'Data for other apps, not shown; an empty object removes it.',
        }),
      file_ids: z.array(z.string().min(1)).exactOptional(),
      reply_broadcast: z.boolean().exactOptional().meta({
        description: 'Show the reply in the channel, too.',
      }),
    })
    .refine(hasContents, contentsMissing)
    .refine(hasOneText, textsClash),
  output: postedMessage,
  plan: (input, config) => slackRequest(config, 'chat.update', input),
})

export const deleteMessage = defineAction({
  name: 'deleteMessage',
  title: 'Delete a message of the app for good',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object({ channel: channelId, ts: messageTs }),
  output: done,
  plan: (input, config) => slackRequest(config, 'chat.delete', input),
  result: resultOrNoChange,
})

export const scheduleMessage = defineAction({
  name: 'scheduleMessage',
  title: 'Schedule a message',
  effect: 'create',
  idempotency: 'none',
  input: z
    .object({
      channel: channelId,
      post_at: z.union([z.int().positive(), z.string().regex(/^[1-9]\d*$/)]).meta({
        description: 'Seconds since 1970, at most 120 days ahead.',
      }),
      ...contents,
      ...display,
    })
    .refine(hasContents, contentsMissing)
    .refine(hasOneText, textsClash),
  output: z.looseObject({
    ok: z.literal(true),
    channel: z.string(),
    scheduled_message_id: z.string(),
    post_at: z.int(),
    message: message.exactOptional(),
  }),
  plan: (input, config) => slackRequest(config, 'chat.scheduleMessage', input),
})

export const deleteScheduledMessage = defineAction({
  name: 'deleteScheduledMessage',
  title: 'Delete a scheduled message before it is sent',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object({ channel: channelId, scheduled_message_id: z.string().min(1).max(100) }),
  output: done,
  plan: (input, config) => slackRequest(config, 'chat.deleteScheduledMessage', input),
  result: resultOrNoChange,
})
