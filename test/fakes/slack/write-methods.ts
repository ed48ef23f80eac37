import type {
  ChatPostMessageResponse,
  ChatScheduleMessageResponse,
  ChatUpdateResponse,
  ConversationsCreateResponse,
  FilesCompleteUploadExternalResponse,
  FilesGetUploadURLExternalResponse,
} from '@slack/web-api'
import { z } from 'zod'
import {
  channelOf,
  messageOf,
  openChannelOf,
  refuse,
  required,
  type Method,
  type MethodCall,
} from './method.ts'
import type { SlackMessage } from './workspace-data.ts'

type Contents = Pick<SlackMessage, 'text' | 'blocks' | 'attachments' | 'metadata'>

const listsSchema = z.array(z.looseObject({}))
const metadataSchema = z.looseObject({ event_type: z.string().optional() })

/** Returns the contents that a message shows. Lists and objects arrive as JSON in the form. */
function contentsOf({ args }: MethodCall): Contents {
  const [text, blocks, attachments, metadata] = [
    args.get('text') ?? args.get('markdown_text'),
    args.get('blocks'),
    args.get('attachments'),
    args.get('metadata'),
  ]
  if (text === undefined && blocks === undefined && attachments === undefined) refuse('no_text')
  return {
    ...(text !== undefined && { text }),
    ...(blocks !== undefined && { blocks: listsSchema.parse(JSON.parse(blocks)) }),
    ...(attachments !== undefined && { attachments: listsSchema.parse(JSON.parse(attachments)) }),
    ...(metadata !== undefined && { metadata: metadataSchema.parse(JSON.parse(metadata)) }),
  } as Contents
}

/** A text replaces blocks too. An empty list, or an object, removes what was there. */
function change(message: SlackMessage, contents: Contents): void {
  if (contents.text !== undefined) delete message.blocks
  Object.assign(message, contents)
  if (message.blocks?.length === 0) delete message.blocks
  if (message.attachments?.length === 0) delete message.attachments
  if (Object.keys(message.metadata ?? {}).length === 0) delete message.metadata
}

const postMessage: Method = (call) => {
  const { data, args, token } = call
  const { id } = openChannelOf(call)
  const ts = data.nextTs()
  const parent = args.get('thread_ts')
  const { text = '', ...others } = contentsOf(call)
  const fields = { user: token.userId, text, ...others }
  data.say(id, ts, { ...fields, ...(parent !== undefined && { parent }) })
  const message = { type: 'message', user: token.userId, text, ts }
  return { ok: true, channel: id, ts, message } satisfies ChatPostMessageResponse
}

const postEphemeral: Method = (call) => {
  const { id } = openChannelOf(call)
  contentsOf(call)
  const isMember = call.data.members.get(id)?.includes(required(call, 'user')) === true
  if (!isMember) refuse('user_not_in_channel')
  return { ok: true, message_ts: call.data.nextTs() }
}

const updateMessage: Method = (call) => {
  const ts = required(call, 'ts')
  const message = messageOf(call, ts)
  if (message.user !== call.token.userId) refuse('cant_update_message')
  change(message, contentsOf(call))
  message.edited = { user: call.token.userId, ts: call.data.nextTs() }
  const { text = '' } = message
  return { ok: true, channel: channelOf(call).id, ts, text } satisfies ChatUpdateResponse
}

const deleteMessage: Method = (call) => {
  const { id } = channelOf(call)
  const message = messageOf(call, required(call, 'ts'))
  const remaining = (call.data.messages.get(id) ?? []).filter((other) => other !== message)
  call.data.messages.set(id, remaining)
  return { ok: true, channel: id, ts: message.ts }
}

const scheduleMessage: Method = (call) => {
  const { data } = call
  const { id } = openChannelOf(call)
  contentsOf(call)
  const postAt = Number(required(call, 'post_at'))
  if (postAt <= data.now) refuse('time_in_past')
  if (postAt > data.now + 120 * 86_400) refuse('time_too_far')
  const scheduledId = data.nextId('Q')
  data.scheduled.set(scheduledId, { channel: id, post_at: postAt })
  return {
    ok: true,
    channel: id,
    scheduled_message_id: scheduledId,
    post_at: postAt,
  } satisfies ChatScheduleMessageResponse
}

const deleteScheduledMessage: Method = (call) => {
  if (!call.data.scheduled.delete(required(call, 'scheduled_message_id')))
    refuse('invalid_scheduled_message_id')
  return { ok: true }
}

const addReaction: Method = (call) => {
  const message = messageOf(call, required(call, 'timestamp'))
  const name = required(call, 'name')
  const reactions = (message.reactions ??= [])
  const reaction = reactions.find((other) => other.name === name)
  const users = reaction?.users ?? []
  if (users.includes(call.token.userId)) refuse('already_reacted')
  users.push(call.token.userId)
  if (reaction === undefined) reactions.push({ name, users, count: 1 })
  else Object.assign(reaction, { users, count: users.length })
  return { ok: true }
}

const removeReaction: Method = (call) => {
  const message = messageOf(call, required(call, 'timestamp'))
  const reaction = message.reactions?.find(({ name }) => name === call.args.get('name'))
  const users = reaction?.users ?? []
  if (!users.includes(call.token.userId)) refuse('no_reaction')
  const remaining = users.filter((user) => user !== call.token.userId)
  Object.assign(reaction ?? {}, { users: remaining, count: remaining.length })
  message.reactions = (message.reactions ?? []).filter(({ count }) => count !== 0)
  return { ok: true }
}

const createChannel: Method = (call) => {
  const name = required(call, 'name')
  if (call.data.channels.some((channel) => channel.name === name)) refuse('name_taken')
  const id = call.data.nextId('C')
  call.data.addChannel(id, name, { is_private: call.args.get('is_private') === 'true' })
  return { ok: true, channel: { id, name } } satisfies ConversationsCreateResponse
}

const inviteToChannel: Method = (call) => {
  const { id, name } = openChannelOf(call)
  const members = call.data.members.get(id) ?? []
  const users = required(call, 'users').split(',')
  const known = new Set(call.data.users.map((user) => user.id))
  if (users.some((user) => !known.has(user))) refuse('user_not_found')
  if (users.some((user) => members.includes(user))) refuse('already_in_channel')
  members.push(...users)
  return { ok: true, channel: { id, name } }
}

const kick: Method = (call) => {
  const { id } = openChannelOf(call)
  const user = required(call, 'user')
  const members = call.data.members.get(id) ?? []
  if (user === call.token.userId) refuse('cant_kick_self')
  if (!members.includes(user)) refuse('not_in_channel')
  call.data.members.set(
    id,
    members.filter((member) => member !== user),
  )
  return { ok: true }
}

/** Changes a channel by what the call says. */
function changing(
  change: (call: MethodCall, channel: ReturnType<typeof channelOf>) => void,
): Method {
  return (call) => {
    const channel = channelOf(call)
    change(call, channel)
    return { ok: true, channel }
  }
}

const getUploadUrl: Method = (call) => {
  required(call, 'filename')
  const length = Number(required(call, 'length'))
  const fileId = call.data.nextId('F')
  call.data.uploads.set(fileId, { length })
  return {
    ok: true,
    upload_url: `${call.baseUrl}/upload/v1/${fileId}`,
    file_id: fileId,
  } satisfies FilesGetUploadURLExternalResponse
}

const filesSchema = z.array(z.object({ id: z.string(), title: z.string().optional() })).min(1)

const completeUpload: Method = (call) => {
  const { data, args } = call
  const completed = filesSchema.parse(JSON.parse(required(call, 'files')))
  const files = completed.map(({ id, title }) => {
    const upload = data.uploads.get(id)
    if (upload?.bytes?.length !== upload?.length || upload === undefined) refuse('file_not_found')
    return { id, ...(title !== undefined && { title }) }
  })
  const channel = args.get('channel_id')
  const created = data.now
  data.files.push(
    ...files.map((file) => ({
      ...file,
      created,
      size: data.uploads.get(file.id)?.length ?? 0,
      channels: channel === undefined ? [] : [channel],
    })),
  )
  return { ok: true, files } satisfies FilesCompleteUploadExternalResponse
}

export const writeMethods: Readonly<Record<string, Method>> = {
  'chat.postMessage': postMessage,
  'chat.postEphemeral': postEphemeral,
  'chat.update': updateMessage,
  'chat.delete': deleteMessage,
  'chat.scheduleMessage': scheduleMessage,
  'chat.deleteScheduledMessage': deleteScheduledMessage,
  'reactions.add': addReaction,
  'reactions.remove': removeReaction,
  'conversations.create': createChannel,
  'conversations.rename': changing((call, channel) => {
    channel.name = required(call, 'name')
  }),
  'conversations.setTopic': changing((call, channel) => {
    channel.topic = { value: required(call, 'topic'), creator: call.token.userId, last_set: 1 }
  }),
  'conversations.setPurpose': changing((call, channel) => {
    channel.purpose = { value: required(call, 'purpose'), creator: call.token.userId, last_set: 1 }
  }),
  'conversations.invite': inviteToChannel,
  'conversations.kick': kick,
  'conversations.join': changing((_call, channel) => {
    channel.is_member = true
  }),
  'conversations.archive': changing((_call, channel) => {
    if (channel.is_archived === true) refuse('already_archived')
    channel.is_archived = true
  }),
  'conversations.unarchive': changing((_call, channel) => {
    if (channel.is_archived !== true) refuse('not_archived')
    channel.is_archived = false
  }),
  'conversations.open': (call) => ({
    ok: true,
    channel: { id: call.args.get('channel') ?? `D${required(call, 'users')}` },
  }),
  'files.getUploadURLExternal': getUploadUrl,
  'files.completeUploadExternal': completeUpload,
}
