import { z } from 'zod'
import { anyJson } from '../../action.ts'
import { channel, message } from './outputs.ts'

export const channelId = z
  .string()
  .min(1)
  .max(100)
  .meta({ description: 'Id of the conversation: `C…`, `G…` or `D…`.' })

export const userId = z.string().min(1).max(100).meta({ description: 'Id of the user: `U…`.' })

export const messageTs = z
  .string()
  .regex(/^\d+\.\d{6}$/, 'must be the `ts` of a message, such as `1712345678.123456`')
  .meta({ description: 'The `ts` of the message, which is its id in the channel.' })

/** A block or an attachment: https://docs.slack.dev/reference/block-kit/blocks */
const jsonObject = z.record(z.string(), anyJson)

/** https://docs.slack.dev/reference/methods/chat.postMessage */
export const contents = {
  text: z.string().max(40_000).exactOptional().meta({
    description: 'Beside blocks, the text of the notification.',
  }),
  markdown_text: z.string().max(12_000).exactOptional().meta({
    description: 'Markdown, in the place of text and blocks.',
  }),
  blocks: z.array(jsonObject).max(50).exactOptional(),
  attachments: z.array(jsonObject).max(100).exactOptional(),
}

interface Contents {
  readonly text?: string
  readonly markdown_text?: string
  readonly blocks?: readonly unknown[]
  readonly attachments?: readonly unknown[]
}

export function hasContents({ text, markdown_text, blocks, attachments }: Contents): boolean {
  return [text, markdown_text, blocks, attachments].some((part) => part !== undefined)
}

export function hasOneText({ text, markdown_text, blocks }: Contents): boolean {
  return markdown_text === undefined || (text === undefined && blocks === undefined)
}

export const contentsMissing = 'give text, markdown_text, blocks or attachments'
export const textsClash = 'markdown_text cannot stand beside text or blocks'

export const eventMetadata = z.strictObject({
  event_type: z.string(),
  event_payload: jsonObject,
  entities: z.array(jsonObject).exactOptional(),
})
const entityMetadata = z.strictObject({ entities: z.array(jsonObject) })
export const metadata = z
  .union([eventMetadata, entityMetadata])
  .exactOptional()
  .meta({ description: 'Data for other apps, not shown: an event, or entities of work objects.' })

/** The apparent author of a message. */
export const author = {
  username: z.string().exactOptional().meta({ description: 'Needs chat:write.customize.' }),
  icon_emoji: z.string().exactOptional(),
  icon_url: z.url().exactOptional(),
}

/** One page: the next one begins at the cursor that the output has. */
export const paging = {
  limit: z.int().min(1).max(999).exactOptional().meta({
    description: 'The most items of a page. A page with fewer need not be the last.',
  }),
  cursor: z.string().exactOptional().meta({
    description: 'The `response_metadata.next_cursor` of the page before.',
  }),
}

/** Empty at the last page. */
export const nextCursor = z.looseObject({ next_cursor: z.string().exactOptional() }).exactOptional()

/** All responses have more fields than are named. */
export const done = z.looseObject({
  ok: z.literal(true),
  no_change: z.string().exactOptional().meta({
    description: 'Present if it was so already: the word of Slack, such as `already_reacted`.',
  }),
})

export const postedMessage = z.looseObject({
  ok: z.literal(true),
  channel: z.string(),
  ts: z.string(),
  message: message.exactOptional(),
})

export const channelResult = z.looseObject({
  ok: z.literal(true),
  channel,
})
