import type {
  AuthTestResponse,
  ChatGetPermalinkResponse,
  ConversationsHistoryResponse,
  ConversationsListResponse,
  ConversationsMembersResponse,
  ConversationsRepliesResponse,
  FilesListResponse,
  UsergroupsListResponse,
  UsersInfoResponse,
  UsersListResponse,
  UsersLookupByEmailResponse,
} from '@slack/web-api'
import { historyOf, threadOf, type SlackMessage } from './workspace-data.ts'
import { channelOf, messageOf, refuse, required, type Method } from './method.ts'

const listUsers: Method = ({ data, args }) => {
  const { items, response_metadata } = pageOf(data.users, args, ({ id }) => id)
  return { ok: true, members: [...items], response_metadata } satisfies UsersListResponse
}

const listChannels: Method = ({ data, args }) => {
  const types = (args.get('types') ?? 'public_channel').split(',')
  const wanted = data.channels.filter((channel) => {
    const kind = channel.is_private === true ? 'private_channel' : 'public_channel'
    const isHidden = args.get('exclude_archived') === 'true' && channel.is_archived === true
    return types.includes(kind) && !isHidden
  })
  const { items, response_metadata } = pageOf(wanted, args, ({ id }) => id)
  return { ok: true, channels: [...items], response_metadata } satisfies ConversationsListResponse
}

const getChannel: Method = (call) => {
  const channel = channelOf(call)
  const count = call.data.members.get(channel.id)?.length ?? 0
  const hasCount = call.args.get('include_num_members') === 'true'
  return {
    ok: true,
    channel: { ...channel, ...(hasCount && { num_members: count }) },
  }
}

const getPermalink: Method = (call) => {
  const { ts = '' } = messageOf(call, required(call, 'message_ts'))
  const { id } = channelOf(call)
  const permalink = `https://acme.slack.com/archives/${id}/p${ts.replace('.', '')}`
  return { ok: true, channel: id, permalink } satisfies ChatGetPermalinkResponse
}

const listMembers: Method = (call) => {
  const { id } = channelOf(call)
  const page = pageOf(call.data.members.get(id) ?? [], call.args, (member) => member)
  const { items, response_metadata } = page
  return { ok: true, members: [...items], response_metadata } satisfies ConversationsMembersResponse
}

const history: Method = (call) => {
  const { data, args } = call
  const { id, is_member: isMember } = channelOf(call)
  if (isMember !== true) refuse('not_in_channel')
  const found = historyOf(data.messages.get(id) ?? []).filter(within(args))
  const page = pageOf(found, args, ({ ts }) => ts)
  const { items, response_metadata } = page
  return {
    ok: true,
    messages: items.map(withMetadata(args)),
    has_more: response_metadata.next_cursor !== '',
    response_metadata,
  } satisfies ConversationsHistoryResponse
}

const replies: Method = (call) => {
  const { data, args } = call
  const thread = threadOf(data.messages.get(channelOf(call).id) ?? [], args.get('ts') ?? '')
  const [parent, ...rest] = thread
  if (parent === undefined) refuse('thread_not_found')
  const { items, response_metadata } = pageOf(rest.filter(within(args)), args, ({ ts }) => ts)
  return {
    ok: true,
    messages: [parent, ...items].map(withMetadata(args)),
    has_more: response_metadata.next_cursor !== '',
    response_metadata,
  } satisfies ConversationsRepliesResponse
}

const listFiles: Method = ({ data, args }) => {
  const from = Number(args.get('ts_from') ?? 0)
  const to = Number(args.get('ts_to') ?? Number.POSITIVE_INFINITY)
  const count = Number(args.get('count') ?? 100)
  const page = Number(args.get('page') ?? 1)
  const wanted = data.files
    .filter(({ created = 0 }) => created >= from && created <= to)
    .toSorted((a, b) => (b.created ?? 0) - (a.created ?? 0))
  const pages = Math.max(1, Math.ceil(wanted.length / count))
  const files = wanted.slice((page - 1) * count, page * count)
  const paging = { count, total: wanted.length, page, pages }
  return { ok: true, files, paging } satisfies FilesListResponse
}

const listUserGroups: Method = ({ data }) =>
  ({ ok: true, usergroups: data.userGroups }) satisfies UsergroupsListResponse

const testAuth: Method = ({ token }) =>
  ({
    ok: true,
    url: 'https://acme.slack.com/',
    team: 'Acme',
    user: 'connect',
    team_id: 'T1',
    user_id: token.userId,
    bot_id: 'B1',
    is_enterprise_install: false,
  }) satisfies AuthTestResponse

const lookupByEmail: Method = ({ data, args }) => {
  const user = data.users.find(({ profile }) => profile?.email === args.get('email'))
  if (user === undefined) refuse('users_not_found')
  return { ok: true, user: user as UsersLookupByEmailResponse['user'] & object }
}

const getUser: Method = ({ data, args }) => {
  const user = data.users.find(({ id }) => id === args.get('user'))
  if (user === undefined) refuse('user_not_found')
  return { ok: true, user: user as UsersInfoResponse['user'] & object }
}

export const readMethods: Readonly<Record<string, Method>> = {
  'auth.test': testAuth,
  'users.list': listUsers,
  'users.info': getUser,
  'users.lookupByEmail': lookupByEmail,
  'chat.getPermalink': getPermalink,
  'conversations.list': listChannels,
  'conversations.info': getChannel,
  'conversations.members': listMembers,
  'conversations.history': history,
  'conversations.replies': replies,
  'files.list': listFiles,
  'usergroups.list': listUserGroups,
}

/**
 * A cursor names the item that comes next, in base64, as Slack's do (`user:U0G9WFXNZ`,
 * `next_ts:1512085861.000543`): items that arrive or go before it shift nothing.
 */
function pageOf<Item>(
  all: readonly Item[],
  args: ReadonlyMap<string, string>,
  nameOf: (item: Item) => string | undefined,
) {
  const limit = Number(args.get('limit') ?? 100)
  if (!(limit > 0 && limit <= 1000)) refuse('invalid_limit')
  const cursor = args.get('cursor') ?? ''
  const name = Buffer.from(cursor, 'base64').toString()
  const start = cursor === '' ? 0 : all.findIndex((item) => nameOf(item) === name)
  if (start < 0) refuse('invalid_cursor')
  const items = all.slice(start, start + limit)
  const next = all[start + limit]
  return {
    items,
    response_metadata: {
      next_cursor: next === undefined ? '' : Buffer.from(nameOf(next) ?? '').toString('base64'),
    },
  }
}

/** Their contents come only if they are asked for. */
function withMetadata(args: ReadonlyMap<string, string>): (message: SlackMessage) => SlackMessage {
  if (args.get('include_all_metadata') === 'true') return (message) => message
  return ({ metadata, ...message }) => ({
    ...message,
    ...(metadata !== undefined && { metadata: { event_type: metadata.event_type ?? '' } }),
  })
}

function within(args: ReadonlyMap<string, string>): (message: SlackMessage) => boolean {
  const oldest = Number(args.get('oldest') ?? 0)
  const latest = Number(args.get('latest') ?? Number.POSITIVE_INFINITY)
  const isInclusive = args.get('inclusive') === 'true'
  return ({ ts }) => {
    const time = Number(ts)
    return isInclusive ? time >= oldest && time <= latest : time > oldest && time < latest
  }
}
