import type { SlackChannel, SlackMessage, SlackToken, WorkspaceData } from './workspace-data.ts'

export interface MethodCall {
  readonly data: WorkspaceData
  readonly token: SlackToken
  /** Form or query; JSON is written as text. */
  readonly args: ReadonlyMap<string, string>
  /** The base URL of the simulator. */
  readonly baseUrl: string
}

/** A method of the Web API: the body of its response. */
export type Method = (call: MethodCall) => object

/** A body with `ok: false`. */
export class Refusal extends Error {
  readonly fields: object

  constructor(word: string, fields: object = {}) {
    super(word)
    this.fields = fields
  }
}

export function refuse(word: string, fields: object = {}): never {
  throw new Refusal(word, fields)
}

export function channelOf({ data, args }: MethodCall): SlackChannel & { readonly id: string } {
  const id = args.get('channel')
  const channel = data.channels.find((candidate) => candidate.id === id)
  if (channel === undefined || id === undefined) refuse('channel_not_found')
  return Object.assign(channel, { id })
}

/** A channel in which something can be changed. */
export function openChannelOf(call: MethodCall): SlackChannel & { readonly id: string } {
  const channel = channelOf(call)
  if (channel.is_archived === true) refuse('is_archived')
  if (channel.is_member !== true) refuse('not_in_channel')
  return channel
}

export function messageOf(call: MethodCall, ts: string | undefined): SlackMessage {
  const messages = call.data.messages.get(channelOf(call).id) ?? []
  const message = messages.find((candidate) => candidate.ts === ts)
  if (message === undefined) refuse('message_not_found')
  return message
}

export function required({ args }: MethodCall, name: string): string {
  const value = args.get(name)
  if (value === undefined || value === '')
    refuse('invalid_arguments', {
      response_metadata: { messages: [`[ERROR] missing required field: ${name}`] },
    })
  return value
}
