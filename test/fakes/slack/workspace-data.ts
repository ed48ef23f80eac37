import type {
  ConversationsHistoryResponse,
  ConversationsListResponse,
  FilesListResponse,
  UsergroupsListResponse,
  UsersListResponse,
} from '@slack/web-api'

type ItemOf<List> = List extends readonly (infer Item)[] ? Item : never

/** As Slack's own types have them. */
export type SlackUser = ItemOf<NonNullable<UsersListResponse['members']>>
export type SlackChannel = ItemOf<NonNullable<ConversationsListResponse['channels']>>
export type SlackMessage = ItemOf<NonNullable<ConversationsHistoryResponse['messages']>>
export type SlackFile = ItemOf<NonNullable<FilesListResponse['files']>>
export type SlackUserGroup = ItemOf<NonNullable<UsergroupsListResponse['usergroups']>>

export interface SlackToken {
  readonly userId: string
  readonly scopes: readonly string[]
}

/** The data of a workspace. A test changes it between reads. */
export class WorkspaceData {
  readonly tokens = new Map<string, SlackToken>()
  /** Refresh tokens that were not used yet. */
  readonly refreshTokens = new Set<string>()
  readonly users: SlackUser[] = []
  readonly channels: SlackChannel[] = []
  /** Ids of users, by channel. */
  readonly members = new Map<string, string[]>()
  /** By channel, in no order. */
  readonly messages = new Map<string, SlackMessage[]>()
  readonly files: SlackFile[] = []
  readonly userGroups: SlackUserGroup[] = []
  readonly scheduled = new Map<string, { readonly channel: string; readonly post_at: number }>()
  /** Bytes that were announced, and that came, by id of the file. */
  readonly uploads = new Map<string, { readonly length: number; bytes?: Uint8Array }>()
  /** Seconds since 1970. */
  now = Date.parse('2026-03-01T00:00:00Z') / 1000
  #count = 0

  nextId(prefix: string): string {
    this.#count += 1
    return `${prefix}${String(this.#count).padStart(6, '0')}`
  }

  /** Returns the timestamp of a message that is posted now: no two are the same. */
  nextTs(): string {
    this.#count += 1
    return `${String(this.now)}.${String(this.#count).padStart(6, '0')}`
  }

  addChannel(id: string, name: string, fields: Partial<SlackChannel> = {}): void {
    this.channels.push({
      id,
      name,
      is_channel: true,
      is_private: false,
      is_archived: false,
      is_member: true,
      created: 1_700_000_000,
      updated: 1_700_000_000_000,
      topic: { value: '', creator: '', last_set: 0 },
      purpose: { value: '', creator: '', last_set: 0 },
      ...fields,
    })
    this.members.set(id, [])
    this.messages.set(id, [])
  }

  /** @param parent the ts of the message to reply to */
  say(channel: string, ts: string, fields: SlackMessage & { readonly parent?: string } = {}): void {
    const { parent, ...message } = fields
    const all = this.messages.get(channel) ?? []
    all.push({
      type: 'message',
      user: 'U1',
      text: `Text of ${ts}`,
      ts,
      ...(parent !== undefined && { thread_ts: parent }),
      ...message,
    })
    this.messages.set(channel, all)
  }
}

/** The newest first, without replies; those that began a thread say so. */
export function historyOf(messages: readonly SlackMessage[]): readonly SlackMessage[] {
  return messages
    .filter((message) => !isReply(message) || message.subtype === 'thread_broadcast')
    .map((message) => withThread(message, messages))
    .toSorted((a, b) => Number(b.ts) - Number(a.ts))
}

/** The first message of a thread and its replies, the oldest first. */
export function threadOf(messages: readonly SlackMessage[], ts: string): readonly SlackMessage[] {
  return messages
    .filter((message) => message.ts === ts || message.thread_ts === ts)
    .map((message) => withThread(message, messages))
    .toSorted((a, b) => Number(a.ts) - Number(b.ts))
}

function isReply({ ts, thread_ts: thread }: SlackMessage): boolean {
  return thread !== undefined && thread !== ts
}

function withThread(message: SlackMessage, all: readonly SlackMessage[]): SlackMessage {
  const replies = all.filter((reply) => isReply(reply) && reply.thread_ts === message.ts)
  const latest = replies
    .map(({ ts }) => ts ?? '')
    .toSorted()
    .at(-1)
  if (latest === undefined || message.ts === undefined) return message
  const users = [...new Set(replies.map(({ user }) => user ?? ''))]
  return {
    ...message,
    thread_ts: message.ts,
    reply_count: replies.length,
    reply_users: users,
    reply_users_count: users.length,
    latest_reply: latest,
  }
}
