import {
  WebClient,
  type SearchFilesArguments,
  type SearchMessagesArguments,
  type UsersListArguments,
} from '@slack/web-api'
import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { fillAcme, ts } from '../../fakes/slack/acme.ts'
import { botToken, SlackSimulator, userToken } from '../../fakes/slack/slack-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const slackConnector = await connectorOf('slack')

/** The connector and Slack's own client, in front of the same workspace. */
async function openBoth(token: string) {
  const slack = await SlackSimulator.start()
  fillAcme(slack.data)
  return {
    slack,
    source: new NativeConnector(slackConnector, { access_token: token, api_url: slack.apiUrl }),
    client: new WebClient(token, { slackApiUrl: `${slack.apiUrl}/`, allowAbsoluteUrls: true }),
    [Symbol.asyncDispose]: () => slack[Symbol.asyncDispose](),
  }
}

interface Members {
  readonly members: readonly (string | { readonly id: string })[]
  readonly response_metadata: { readonly next_cursor: string }
}

test("users are listed a page at a time, as Slack's own client gets them", async () => {
  await using world = await openBoth(botToken)
  const { source, client, slack } = world
  const found: (string | undefined)[] = []
  let cursor = ''
  do {
    const input = {
      limit: 200,
      include_locale: true,
      ...(cursor !== '' && { cursor }),
    } satisfies UsersListArguments
    const { members, response_metadata: next } = (await source.send('listUsers', input))
      .output as unknown as Members
    found.push(...members.map((user) => (typeof user === 'string' ? user : user.id)))
    cursor = next.next_cursor
  } while (cursor !== '')
  const listed: (string | undefined)[] = []
  for await (const page of client.paginate('users.list', { limit: 200 }))
    listed.push(...((page as { members?: { id?: string }[] }).members ?? []).map(({ id }) => id))
  expect(found).toEqual(listed)
  expect(found).toHaveLength(450)
  expect(slack.callsOf('users.list')).toHaveLength(6)
})

test('the members of a channel are ids', async () => {
  await using world = await openBoth(botToken)
  const { source } = world
  const { output } = await source.send('listChannelMembers', { channel: 'C2' })
  expect(output).toMatchObject({ ok: true, members: ['U1', 'U2'] })
  expect(await source.refusal('listChannelMembers', { channel: 'C9' })).toMatchObject({
    details: { vendor_code: 'channel_not_found' },
  })
})

test("messages are searched as Slack's own client does it, by page and by cursor", async () => {
  await using world = await openBoth(userToken)
  const { source, client } = world
  const query = 'Text in:#general'
  const search = { query, sort: 'timestamp', sort_dir: 'asc', count: 100 } as const
  const input = { ...search, page: 2 } satisfies SearchMessagesArguments
  const { output } = await source.send('searchMessages', input)
  const expected = await client.search.messages(input)
  expect(output).toMatchObject({
    query,
    messages: { ...expected.messages } as unknown as JsonObject,
  })
  expect(expected.messages?.matches).toHaveLength(100)
  const first = await source.send('searchMessages', { query: 'Hello', cursor: '*' })
  expect(first.output).toMatchObject({
    messages: { total: 1, matches: [{ ts: ts(7), channel: { id: 'C2', name: 'random' } }] },
    response_metadata: { next_cursor: '' },
  })
  await expect(
    source.send('searchMessages', { query: 'x', page: 1, cursor: '*' }),
  ).rejects.toMatchObject({ code: 'action_input_invalid' })
})

test('files are searched, and Slack refuses the token of a bot', async () => {
  await using world = await openBoth(userToken)
  const { source, slack } = world
  slack.data.files.push({ id: 'F9', name: 'budget.xlsx', title: 'Budget' })
  const input = { query: 'budget', count: 5 } satisfies SearchFilesArguments
  expect((await source.send('searchFiles', input)).output).toMatchObject({
    files: { total: 1, matches: [{ id: 'F9' }] },
  })
  expect(await source.with({ access_token: botToken }).refusal('searchFiles', input)).toMatchObject(
    { code: 'action_permission_denied', details: { vendor_code: 'not_allowed_token_type' } },
  )
})
