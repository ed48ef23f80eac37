import { z } from 'zod'
import { isJsonObject, type JsonObject } from '../../../protocol/index.ts'
import { base64Text, defineAction, type ActionRequest, type ActionResponse } from '../../action.ts'
import { channelId, messageTs } from './fields.ts'
import { file } from './outputs.ts'
import { slackRequest } from './request.ts'

/** A call of the HTTP API has at most 1 MiB, with all that JSON adds. */
const maxContentLength = 700_000

const input = z
  .object({
    filename: z.string().min(1).max(255),
    content: z.string().min(1).max(maxContentLength).exactOptional().meta({
      description: 'The contents of a text file.',
    }),
    content_base64: base64Text.min(1).max(maxContentLength).exactOptional().meta({
      description: 'The contents of any other file, in Base64. Line breaks do not matter.',
    }),
    title: z.string().exactOptional(),
    alt_text: z.string().max(1000).exactOptional().meta({ description: 'Describes an image.' }),
    snippet_type: z.string().exactOptional().meta({ description: 'Such as `python`.' }),
    channel_id: channelId.exactOptional().meta({
      description: 'Where to share it. Without a channel it is private.',
    }),
    thread_ts: messageTs.exactOptional().meta({
      description: 'The `ts` of the first message of a thread of the channel.',
    }),
    initial_comment: z.string().max(40_000).exactOptional(),
  })
  .refine(
    ({ content, content_base64: base64 }) => (content === undefined) !== (base64 === undefined),
    'give either content or content_base64',
  )
  .refine(
    ({ channel_id: channel, thread_ts: thread }) => thread === undefined || channel !== undefined,
    'thread_ts needs channel_id',
  )

type UploadInput = z.output<typeof input>

/**
 * https://docs.slack.dev/messaging/working-with-files: a place for the bytes, the bytes, and the end of the
 * upload.
 */
export const uploadFile = defineAction({
  name: 'uploadFile',
  title: 'Upload a file, and share it in a channel',
  effect: 'create',
  idempotency: 'none',
  input,
  output: z.looseObject({
    ok: z.literal(true),
    files: z.array(file),
  }),
  plan: (fields, config) =>
    slackRequest(config, 'files.getUploadURLExternal', {
      filename: fields.filename,
      length: bytesOf(fields).length,
      alt_text: fields.alt_text,
      snippet_type: fields.snippet_type,
    }),
  next: (fields, config, responses) => {
    const [place] = responses
    if (place === undefined || responses.length > 2) return undefined
    const { uploadUrl, fileId } = uploadPlace(place)
    return responses.length === 1
      ? uploadBytes(uploadUrl, fields)
      : completeUpload(fileId, fields, config)
  },
})

function uploadPlace({ body }: ActionResponse): {
  readonly uploadUrl: string
  readonly fileId: string
} {
  const { upload_url: uploadUrl, file_id: fileId } = isJsonObject(body) ? body : {}
  if (typeof uploadUrl === 'string' && typeof fileId === 'string') return { uploadUrl, fileId }
  throw new TypeError('it has no upload_url or no file_id')
}

/** The URL itself is the permission. */
function uploadBytes(url: string, fields: UploadInput): ActionRequest {
  const body = {
    kind: 'bytes',
    bytes: bytesOf(fields),
    contentType: 'application/octet-stream',
  } as const
  return { method: 'POST', url, isUnauthorized: true, body }
}

function completeUpload(id: string, fields: UploadInput, config: JsonObject): ActionRequest {
  return slackRequest(config, 'files.completeUploadExternal', {
    files: [{ id, title: fields.title ?? fields.filename }],
    channel_id: fields.channel_id,
    thread_ts: fields.thread_ts,
    initial_comment: fields.initial_comment,
  })
}

function bytesOf({ content, content_base64: base64 }: UploadInput): Uint8Array {
  return base64 === undefined ? Buffer.from(content ?? '', 'utf8') : Buffer.from(base64, 'base64')
}
