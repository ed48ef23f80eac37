import {
  WebClient,
  type ChatGetPermalinkArguments,
  type ConversationsHistoryArguments,
  type ConversationsInfoArguments,
  type ConversationsKickArguments,
  type ConversationsRepliesArguments,
} from '@slack/web-api'
import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { fillAcme, ts } from '../../fakes/slack/acme.ts'
import { botToken, SlackSimulator } from '../../fakes/slack/slack-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const slackConnector = await connectorOf('slack')

function connectorFor({ apiUrl }: SlackSimulator): NativeConnector {
  return new NativeConnector(slackConnector, { access_token: botToken, api_url: apiUrl })
}

interface Page {
  readonly channels?: readonly { readonly id: string }[]
  readonly messages?: readonly { readonly ts: string; readonly metadata?: object }[]
  readonly response_metadata: { readonly next_cursor: string }
}

/** All pages, as a caller asks for them: one call each. */
async function pagesOf(
  source: NativeConnector,
  name: string,
  input: JsonObject,
): Promise<readonly Page[]> {
  const pages: Page[] = []
  let cursor = ''
  do {
    const { output } = await source.send(name, { ...input, ...(cursor !== '' && { cursor }) })
    const page = output as unknown as Page
    pages.push(page)
    cursor = page.response_metadata.next_cursor
  } while (cursor !== '')
  return pages
}

test("channels are listed a page at a time, as Slack's own client gets them, and read", async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  slack.data.addChannel('C4', 'old', { is_archived: true })
  const source = connectorFor(slack)
  const input = { types: ['public_channel', 'private_channel'], exclude_archived: true, limit: 2 }
  const pages = await pagesOf(source, 'listChannels', input)
  expect(pages.map(({ channels = [] }) => channels.map(({ id }) => id))).toEqual([
    ['C1', 'C2'],
    ['C3', 'G1'],
  ])
  expect(slack.callsOf('conversations.list')).toHaveLength(2)
  const client = new WebClient(botToken, {
    slackApiUrl: `${slack.apiUrl}/`,
    allowAbsoluteUrls: true,
  })
  const listed = await client.conversations.list({ ...input, types: input.types.join(',') })
  expect(listed.channels?.map(({ id }) => id)).toEqual(['C1', 'C2'])
  const info = { channel: 'C2', include_num_members: true } satisfies ConversationsInfoArguments
  const { output } = await source.send('getChannel', info)
  expect(output).toMatchObject({ channel: { id: 'C2', name: 'random', num_members: 2 } })
  expect(await source.refusal('getChannel', { channel: 'C9' })).toMatchObject({
    code: 'action_refused',
    details: { vendor_code: 'channel_not_found' },
  })
})

test('messages of a channel and of a thread are read a page at a time, with their links', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const metadata = { event_type: 'build', event_payload: { id: 7 } }
  slack.data.say('C1', ts(9), { metadata })
  const history = {
    channel: 'C1',
    oldest: ts(6),
    inclusive: true,
    include_all_metadata: true,
    limit: 2,
  } satisfies ConversationsHistoryArguments
  const pages = await pagesOf(source, 'getHistory', history)
  const messages = pages.flatMap((page) => page.messages ?? [])
  expect(messages.map((message) => message.ts)).toEqual([ts(9), ts(8, 2), ts(6, 9), ts(6)])
  expect(messages[0]?.metadata).toEqual(metadata)
  const thread = { channel: 'C1', ts: ts(6), limit: 999 } satisfies ConversationsRepliesArguments
  const [replies] = await pagesOf(source, 'getReplies', thread)
  expect(replies?.messages).toHaveLength(5)
  const message = { channel: 'C1', message_ts: ts(9) } satisfies ChatGetPermalinkArguments
  expect((await source.send('getPermalink', message)).output).toMatchObject({
    permalink: `https://acme.slack.com/archives/C1/p${ts(9).replace('.', '')}`,
  })
  expect(await source.refusal('getHistory', { channel: 'C3' })).toMatchObject({
    code: 'action_refused',
    details: { vendor_code: 'not_in_channel' },
  })
})

test('a user is removed from a channel once', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const kick = { channel: 'C2', user: 'U2' } satisfies ConversationsKickArguments
  expect((await source.send('removeFromChannel', kick)).output).toEqual({ ok: true })
  expect(slack.data.members.get('C2')).toEqual(['U1'])
  // It may also mean that the app is not in the channel: it is no success.
  expect(await source.refusal('removeFromChannel', kick)).toMatchObject({
    code: 'action_refused',
    details: { vendor_code: 'not_in_channel' },
  })
})

test('inputs that Slack would refuse are refused before', async () => {
  const source = new NativeConnector(slackConnector, { access_token: botToken })
  const wrong: readonly (readonly [string, JsonObject])[] = [
    ['listChannels', { limit: 1000 }],
    ['listChannels', { types: ['public'] }],
    ['getHistory', { channel: 'C1', oldest: 'yesterday' }],
    ['getPermalink', { channel: 'C1', message_ts: '5' }],
    ['openConversation', { users: ['U1'], channel: 'D1' }],
  ]
  for (const [name, input] of wrong)
    await expect(source.send(name, input), name).rejects.toMatchObject({
      code: 'action_input_invalid',
    })
})
