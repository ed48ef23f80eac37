import type {
  ChatPostEphemeralArguments,
  ChatPostMessageArguments,
  ChatScheduleMessageArguments,
  ChatUpdateArguments,
  ConversationsOpenArguments,
  UsersLookupByEmailArguments,
} from '@slack/web-api'
import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { fillAcme, ts } from '../../fakes/slack/acme.ts'
import { botToken, SlackSimulator } from '../../fakes/slack/slack-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const slackConnector = await connectorOf('slack')
const message = { channel: 'C1', ts: ts(6) }
const text = { channel: 'C1', text: 'Hi' }

/** Inputs that the types of Slack's own client accept. */
const accepted: readonly (readonly [action: string, input: JsonObject])[] = [
  ['updateMessage', { ...message, attachments: [], text: '' } satisfies ChatUpdateArguments],
  ['updateMessage', { ...message, blocks: [], text: 'x' } satisfies ChatUpdateArguments],
  [
    'updateMessage',
    {
      ...message,
      text: 'x',
      file_ids: ['F1'],
      reply_broadcast: true,
    } satisfies ChatUpdateArguments,
  ],
  // Slack's page of the method says so: an empty object removes what there is.
  ['updateMessage', { ...message, text: 'x', metadata: {} }],
  ['postMessage', { ...text, blocks: [] } satisfies ChatPostMessageArguments],
  ['postMessage', { ...text, metadata: { entities: [] } } satisfies ChatPostMessageArguments],
  [
    'postEphemeral',
    {
      ...text,
      user: 'U1',
      username: 'Bot',
      icon_emoji: ':eyes:',
    } satisfies ChatPostEphemeralArguments,
  ],
  [
    'postEphemeral',
    { ...text, user: 'U1', link_names: true, parse: 'full' } satisfies ChatPostEphemeralArguments,
  ],
  ['scheduleMessage', { ...text, post_at: '1800000000' } satisfies ChatScheduleMessageArguments],
  ['openConversation', { channel: 'D1', return_im: true } satisfies ConversationsOpenArguments],
  ['openConversation', { users: ['U1'], prevent_creation: true }],
  ['inviteToChannel', { channel: 'C1', users: Array.from({ length: 1000 }, () => 'U1') }],
  [
    'lookupUserByEmail',
    { email: '4711+bot[bot]@users.noreply.example' } satisfies UsersLookupByEmailArguments,
  ],
]

test.each(accepted)('%s takes %j', async (name, input) => {
  const source = new NativeConnector(slackConnector, { access_token: botToken })
  const preview = await source.preview(name, input)
  const body = preview?.request.body
  const sent = new URLSearchParams(typeof body === 'string' ? body : '')
  for (const [field, value] of Object.entries(input)) {
    const isList = field === 'users' && Array.isArray(value)
    const flat = typeof value === 'object' && !isList ? JSON.stringify(value) : String(value)
    expect(sent.get(field), field).toBe(flat)
  }
})

test('empty lists and objects remove what a message had, and what is absent stays', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = new NativeConnector(slackConnector, {
    access_token: botToken,
    api_url: slack.apiUrl,
  })
  const metadata = { event_type: 'build', event_payload: { id: 7 } }
  const { output } = await source.send('postMessage', {
    ...text,
    attachments: [{ text: 'More' }],
    blocks: [{ type: 'divider' }],
    metadata,
  })
  const { ts: posted } = output as { readonly ts: string }
  const stored = () => slack.data.messages.get('C1')?.find((known) => known.ts === posted)
  const change = { channel: 'C1', ts: posted }
  await source.send('updateMessage', { ...change, blocks: [{ type: 'divider' }] })
  expect(stored()).toMatchObject({ text: 'Hi', attachments: [{ text: 'More' }], metadata })
  await source.send('updateMessage', { ...change, attachments: [], blocks: [] })
  expect(stored()).not.toHaveProperty('attachments')
  expect(stored()).not.toHaveProperty('blocks')
  await source.send('updateMessage', { ...change, text: 'Hi', metadata: {} })
  expect(stored()).not.toHaveProperty('metadata')
})

test('a file in Base64 with line breaks is uploaded without them', async () => {
  await using slack = await SlackSimulator.start()
  const source = new NativeConnector(slackConnector, {
    access_token: botToken,
    api_url: slack.apiUrl,
  })
  const bytes = Buffer.alloc(100, 7)
  const lines = bytes.toString('base64').replaceAll(/.{1,60}/g, '$&\r\n')
  await source.send('uploadFile', { filename: 'a.bin', content_base64: lines })
  expect([...slack.data.uploads.values()][0]?.bytes).toEqual(bytes)
  expect(
    await source.refusal('uploadFile', { filename: 'a.bin', content_base64: 'a$' }),
  ).toMatchObject({ code: 'action_input_invalid' })
})
