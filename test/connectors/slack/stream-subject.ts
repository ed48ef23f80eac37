import { fillAcme, ts } from '../../fakes/slack/acme.ts'
import { botToken, SlackSimulator } from '../../fakes/slack/slack-simulator.ts'
import {
  historyOf,
  threadOf,
  type SlackMessage,
  type WorkspaceData,
} from '../../fakes/slack/workspace-data.ts'
import type { StreamSubject } from '../stream-subject.ts'
import type { LiveList, StreamWorld } from '../stream-world.ts'

export const slackStreams: StreamSubject = {
  openSmall: () => open(fillAcme),
  openPaged: (stream) =>
    open((data) => {
      fillPages(data, stream)
    }),
  repeating: ['messages', 'reactions', 'files'],
  credentials: {
    wrong: { access_token: 'xoxb-wrong' },
    fix: /Copy the Bot User OAuth Token/,
  },
  denials: [
    {
      title: 'the scope files:read',
      refuses: ({ url }) => url.startsWith('/api/files.list'),
      answer: { body: { ok: false, error: 'missing_scope', needed: 'files:read' } },
      streams: ['files'],
      fix: /lacks the scope files:read.*Add it to the app/,
    },
    {
      title: 'the scope channels:history',
      refuses: ({ url }) => url.startsWith('/api/conversations.history'),
      answer: { body: { ok: false, error: 'missing_scope', needed: 'channels:history' } },
      streams: ['messages', 'reactions'],
      fix: /lacks the scope channels:history/,
    },
  ],
  limits: {
    'ok: false with ratelimited': { body: { ok: false, error: 'ratelimited' } },
    'ok: false with ratelimited and Retry-After': {
      status: 429,
      headers: { 'retry-after': '30' },
      body: { ok: false, error: 'ratelimited' },
    },
    'ok: false with internal_error': { body: { ok: false, error: 'internal_error' } },
  },
}

async function open(fill: (data: WorkspaceData) => void): Promise<StreamWorld> {
  const slack = await SlackSimulator.start()
  const { data } = slack
  data.now = Math.floor(Number(ts(9)))
  fill(data)
  return {
    url: slack.url,
    now: () => data.now * 1000,
    pass: (seconds) => {
      data.now += Math.ceil(seconds)
    },
    secondsOfRequest: 700,
    configOf: (url) => ({ access_token: botToken, api_url: `${url}/api` }),
    lists: {
      users: userList(data),
      channels: channelList(data),
      channel_members: memberList(data),
      messages: messageList(data, (ts) => ['C1', ts]),
      reactions: messageList(data, (ts) => ['C1', ts, 'wave']),
      'messages: replies': { ...replyList(data, (ts) => ['C1', ts]), stream: 'messages' },
      'reactions: replies': { ...replyList(data, (ts) => ['C1', ts, 'wave']), stream: 'reactions' },
      files: fileList(data),
    },
    [Symbol.asyncDispose]: () => slack[Symbol.asyncDispose](),
  }
}

/** Selects requests about the channel #general. */
function asksFor(method: string): LiveList['pages'] {
  return ({ url }) => {
    const { pathname, searchParams } = new URL(url, 'http://slack')
    return pathname === `/api/${method}` && searchParams.get('channel') === 'C1'
  }
}

const count = 420

/** Some pages of a list. #general has the messages and the members. */
function fillPages(data: WorkspaceData, stream: string): void {
  data.addChannel('C1', 'general')
  if (stream.endsWith(': replies')) say(data, threadStart)
  for (let number = 1; number <= count; number += 1) {
    const id = String(number).padStart(4, '0')
    if (stream === 'users') data.users.push({ id: `U${id}`, profile: { real_name: id } })
    if (stream === 'channel_members') data.members.get('C1')?.push(`U${id}`)
    if (stream === 'channels') data.addChannel(`C9${id}`, `channel${id}`, { is_member: false })
    if (stream === 'messages' || stream === 'reactions') say(data, ts(8, number))
    if (stream.endsWith(': replies')) say(data, ts(8, number), threadStart)
    if (stream === 'files')
      data.files.push({ id: `F${id}`, created: Math.floor(Number(ts(8))) + number })
  }
}

/** The timestamp of the message that begins the thread. */
const threadStart = ts(8, 0)

/** @param parent the message that it replies to */
function say(data: WorkspaceData, ts: string, parent?: string): void {
  const reactions = [{ name: 'wave', count: 1, users: ['U1'] }]
  data.say('C1', ts, { reactions, ...(parent !== undefined && { parent }) })
}

function generalMessages({ messages }: WorkspaceData): SlackMessage[] {
  return messages.get('C1') ?? []
}

function messageList(data: WorkspaceData, keyOf: (ts: string) => readonly string[]): LiveList {
  return {
    ...listOfMessages(data, keyOf),
    pages: asksFor('conversations.history'),
    keys: () =>
      historyOf(generalMessages(data)).map((message) => JSON.stringify(keyOf(message.ts ?? ''))),
  }
}

/** The oldest first. */
function replyList(data: WorkspaceData, keyOf: (ts: string) => readonly string[]): LiveList {
  return {
    ...listOfMessages(data, keyOf, threadStart),
    pages: asksFor('conversations.replies'),
    keys: () =>
      threadOf(generalMessages(data), threadStart)
        .slice(1)
        .map((message) => JSON.stringify(keyOf(message.ts ?? ''))),
  }
}

/** @param parent new messages reply to this one */
function listOfMessages(
  data: WorkspaceData,
  keyOf: (ts: string) => readonly string[],
  parent?: string,
): Omit<LiveList, 'pages' | 'keys'> {
  const all = (): SlackMessage[] => generalMessages(data)
  const placeOf = (key: string): number => {
    const [, ts] = JSON.parse(key) as [string, string]
    return all().findIndex((message) => message.ts === ts)
  }
  return {
    insert: () => {
      const ts = data.nextTs()
      say(data, ts, parent)
      return JSON.stringify(keyOf(ts))
    },
    remove: (key) => {
      all().splice(placeOf(key), 1)
    },
    touch: (key, mark) => {
      const message = all()[placeOf(key)]
      const reactions = [{ name: 'wave', count: 2, users: ['U1', mark] }]
      if (message !== undefined) Object.assign(message, { text: mark, reactions })
    },
  }
}

function userList({ users }: WorkspaceData): LiveList {
  return {
    pages: ({ url }) => url.startsWith('/api/users.list'),
    keys: () => users.map(({ id }) => JSON.stringify([id])),
    insert: () => {
      const id = `U${String(users.length + 1).padStart(4, '0')}`
      users.push({ id, name: id })
      return JSON.stringify([id])
    },
    touch: (key, mark) => {
      const user = users.find(({ id }) => JSON.stringify([id]) === key)
      if (user !== undefined) Object.assign(user, { name: mark })
    },
  }
}

function channelList(data: WorkspaceData): LiveList {
  const { channels } = data
  const placeOf = (key: string): number =>
    channels.findIndex(({ id }) => JSON.stringify([id]) === key)
  return {
    pages: ({ url }) => url.startsWith('/api/conversations.list'),
    keys: () => channels.map(({ id }) => JSON.stringify([id])),
    insert: () => {
      const id = data.nextId('C99')
      data.addChannel(id, id, { is_member: false })
      return JSON.stringify([id])
    },
    remove: (key) => {
      channels.splice(placeOf(key), 1)
    },
    touch: (key, mark) => {
      Object.assign(channels[placeOf(key)] ?? {}, { name: mark })
    },
  }
}

function memberList(data: WorkspaceData): LiveList {
  const members = (): string[] => data.members.get('C1') ?? []
  return {
    pages: asksFor('conversations.members'),
    keys: () => members().map((id) => JSON.stringify(['C1', id])),
    insert: () => {
      const id = data.nextId('U99')
      members().push(id)
      return JSON.stringify(['C1', id])
    },
    remove: (key) => {
      const [, id] = JSON.parse(key) as [string, string]
      members().splice(members().indexOf(id), 1)
    },
  }
}

function fileList(data: WorkspaceData): LiveList {
  const { files } = data
  return {
    pages: ({ url }) => url.startsWith('/api/files.list'),
    keys: () => files.map(({ id }) => JSON.stringify([id])).toReversed(),
    insert: () => {
      const id = data.nextId('F99')
      files.push({ id, created: data.now })
      return JSON.stringify([id])
    },
    remove: (key) => {
      files.splice(
        files.findIndex(({ id }) => JSON.stringify([id]) === key),
        1,
      )
    },
  }
}
