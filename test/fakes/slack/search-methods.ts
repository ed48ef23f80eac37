import type { SearchFilesResponse, SearchMessagesResponse } from '@slack/web-api'
import { refuse, required, type Method, type MethodCall } from './method.ts'
import { historyOf, type SlackMessage } from './workspace-data.ts'

const searchMessages: Method = (call) => {
  const words = wordsOf(call)
  const { data, args } = call
  const [, channelName] = /in:#(\S+)/.exec(args.get('query') ?? '') ?? []
  const wanted = data.channels.filter(
    ({ name }) => channelName === undefined || name === channelName,
  )
  const found = wanted.flatMap(({ id = '', name }) =>
    historyOf(data.messages.get(id) ?? [])
      .filter(({ text }) => words.every((word) => text?.includes(word) === true))
      .map((message) => ({ ...message, channel: { id, name } })),
  )
  const sorted = found.toSorted((left, right) => direction(args) * byTime(left, right))
  const { items, ...paging } = pageOf(sorted, args)
  const cursor = args.get('cursor')
  return {
    ok: true,
    query: args.get('query') ?? '',
    messages: {
      total: found.length,
      matches: items as never,
      paging,
    },
    ...(cursor !== undefined && {
      response_metadata: {
        next_cursor: paging.page < paging.pages ? String(paging.page + 1) : '',
      },
    }),
  } satisfies SearchMessagesResponse
}

const searchFiles: Method = (call) => {
  const words = wordsOf(call)
  const { data, args } = call
  const found = data.files.filter(({ id = '', name = '', title = '' }) =>
    words.every((word) => [id, name, title].some((text) => text.includes(word))),
  )
  const { items, ...paging } = pageOf(found, args)
  return {
    ok: true,
    query: args.get('query') ?? '',
    files: { total: found.length, matches: items as never, paging },
  } satisfies SearchFilesResponse
}

/** The words that are no modifiers. Only people search: the token of an app is refused. */
function wordsOf(call: MethodCall): readonly string[] {
  if (call.token.userId === 'UBOT') refuse('not_allowed_token_type')
  return required(call, 'query')
    .split(' ')
    .filter((word) => word !== '' && !word.includes(':'))
}

function direction(args: ReadonlyMap<string, string>): number {
  return args.get('sort_dir') === 'asc' ? 1 : -1
}

function byTime(left: SlackMessage, right: SlackMessage): number {
  return Number(left.ts) - Number(right.ts)
}

function pageOf<Item>(items: readonly Item[], args: ReadonlyMap<string, string>) {
  const count = Number(args.get('count') ?? 20)
  const cursor = args.get('cursor') ?? args.get('page') ?? '1'
  const page = cursor === '*' ? 1 : Number(cursor)
  if (!(page >= 1 && page <= 100 && count >= 1 && count <= 100)) refuse('invalid_arguments')
  return {
    page,
    count,
    total: items.length,
    pages: Math.ceil(items.length / count),
    items: items.slice((page - 1) * count, page * count),
  }
}

export const searchMethods: Readonly<Record<string, Method>> = {
  'search.messages': searchMessages,
  'search.files': searchFiles,
}
