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
  blocks: z.array(jsonObject).min(1).max(50).exactOptional(),
  attachments: z.array(jsonObject).min(1).max(100).exactOptional(),
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

export const metadata = z
  .strictObject({ event_type: z.string(), event_payload: jsonObject })
  .exactOptional()
  .meta({ description: 'Data for other apps, not shown.' })

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
