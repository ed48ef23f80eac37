import type {
  ChatDeleteArguments,
  ChatPostMessageArguments,
  ChatScheduleMessageArguments,
  ChatUpdateArguments,
  ConversationsCreateArguments,
  ReactionsAddArguments,
} from '@slack/web-api'
import { expect, test } from 'vitest'
import { standardHeaders } from '../../../manifest-interpreter/http/standard-headers.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import { fillAcme, ts } from '../../fakes/slack/acme.ts'
import { botToken, SlackSimulator } from '../../fakes/slack/slack-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const slackConnector = await connectorOf('slack')

function connectorFor({ apiUrl }: SlackSimulator): NativeConnector {
  return new NativeConnector(slackConnector, { access_token: botToken, api_url: apiUrl })
}

test('a message is posted, changed and deleted, and a repeated deletion changes nothing', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const input = {
    channel: 'C1',
    text: 'Deployed',
    blocks: [{ type: 'section', text: { type: 'mrkdwn', text: '*Deployed*' } }],
    thread_ts: ts(6),
    unfurl_links: false,
  } satisfies ChatPostMessageArguments
  const { output, requestId } = await source.send('postMessage', input)
  expect(requestId).toMatch(/^req-\d+$/)
  const posted = output as { readonly ts: string }
  const [call] = slack.callsOf('chat.postMessage')
  expect(call?.authorization).toBe(`Bearer ${botToken}`)
  expect(JSON.parse(call?.args.get('blocks') ?? '')).toEqual(input.blocks)
  expect(call?.args.get('unfurl_links')).toBe('false')
  const message = { channel: 'C1', ts: posted.ts } satisfies ChatDeleteArguments
  const changed = { ...message, text: 'Rolled back' } satisfies ChatUpdateArguments
  expect((await source.send('updateMessage', changed)).output).toMatchObject({ ok: true })
  const stored = slack.data.messages.get('C1')?.find((known) => known.ts === posted.ts)
  expect(stored).toMatchObject({ text: 'Rolled back', thread_ts: ts(6) })
  expect((await source.send('deleteMessage', message)).output).toMatchObject({ ok: true })
  expect((await source.send('deleteMessage', message)).output).toEqual({
    ok: true,
    no_change: 'message_not_found',
  })
})

test('a message is scheduled, and taken back', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const input = {
    channel: 'C2',
    text: 'Lunch',
    post_at: slack.data.now + 60,
  } satisfies ChatScheduleMessageArguments
  const { output } = await source.send('scheduleMessage', input)
  const { scheduled_message_id: id } = output as { readonly scheduled_message_id: string }
  expect(output).toMatchObject({ channel: 'C2', post_at: input.post_at })
  const taken = { channel: 'C2', scheduled_message_id: id }
  expect((await source.send('deleteScheduledMessage', taken)).output).toMatchObject({ ok: true })
  expect(slack.data.scheduled.size).toBe(0)
  const late = await source.refusal('scheduleMessage', { ...input, post_at: input.post_at * 2 })
  expect(late).toMatchObject({ code: 'action_refused', details: { vendor_code: 'time_too_far' } })
  const past = await source.refusal('scheduleMessage', { ...input, post_at: slack.data.now })
  expect(past).toMatchObject({ code: 'action_refused', details: { vendor_code: 'time_in_past' } })
  expect((await source.send('deleteScheduledMessage', taken)).output).toEqual({
    ok: true,
    no_change: 'invalid_scheduled_message_id',
  })
})

test('a reaction that is there already, or gone already, is no failure', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const reaction = {
    channel: 'C2',
    timestamp: ts(7),
    name: 'eyes',
  } satisfies ReactionsAddArguments
  expect((await source.send('addReaction', reaction)).output).toEqual({ ok: true })
  expect((await source.send('addReaction', reaction)).output).toEqual({
    ok: true,
    no_change: 'already_reacted',
  })
  expect((await source.send('removeReaction', reaction)).output).toEqual({ ok: true })
  expect((await source.send('removeReaction', reaction)).output).toEqual({
    ok: true,
    no_change: 'no_reaction',
  })
})

test('a channel is created, named, filled and archived', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const input = { name: 'incident-1', is_private: false } satisfies ConversationsCreateArguments
  const { output } = await source.send('createChannel', input)
  const { channel } = output as { readonly channel: { readonly id: string } }
  await source.send('setTopic', { channel: channel.id, topic: 'Down' })
  await source.send('setPurpose', { channel: channel.id, purpose: 'To mend it' })
  await source.send('renameChannel', { channel: channel.id, name: 'incident-one' })
  await source.send('inviteToChannel', { channel: channel.id, users: ['U1', 'U2'] })
  expect(slack.data.members.get(channel.id)).toEqual(['U1', 'U2'])
  expect((await source.send('archiveChannel', { channel: channel.id })).output).toMatchObject({
    ok: true,
  })
  expect((await source.send('archiveChannel', { channel: channel.id })).output).toEqual({
    ok: true,
    no_change: 'already_archived',
  })
  const stored = slack.data.channels.find(({ id }) => id === channel.id)
  expect(stored).toMatchObject({
    name: 'incident-one',
    is_archived: true,
    topic: { value: 'Down' },
  })
  await source.send('unarchiveChannel', { channel: channel.id })
  expect(await source.refusal('createChannel', { name: 'general' })).toMatchObject({
    code: 'action_refused',
    details: { vendor_code: 'name_taken' },
  })
  await source.send('joinChannel', { channel: 'C3' })
  expect((await source.send('openConversation', { users: ['U1'] })).output).toMatchObject({
    channel: { id: 'DU1' },
  })
})

test('a file goes up in three steps, and the place for its bytes gets no token', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const bytes = Buffer.from([0, 1, 128, 255])
  const { output } = await source.send('uploadFile', {
    filename: 'bytes.bin',
    content_base64: bytes.toString('base64'),
    channel_id: 'C1',
    thread_ts: ts(6),
    initial_comment: 'Here',
  })
  expect(output).toMatchObject({ ok: true, files: [{ title: 'bytes.bin' }] })
  expect(slack.requests.map(({ method }) => method)).toEqual([
    'files.getUploadURLExternal',
    'upload',
    'files.completeUploadExternal',
  ])
  expect(slack.requests[1]?.authorization).toBeUndefined()
  expect([...slack.data.uploads.values()][0]?.bytes).toEqual(bytes)
  await source.send('uploadFile', { filename: 'a.txt', content: 'Grüße' })
  expect(slack.data.files.at(-1)?.size).toBe(7)
  slack.answerOnce('files.getUploadURLExternal', { body: { ok: true } })
  expect(await source.refusal('uploadFile', { filename: 'a.txt', content: 'x' })).toMatchObject({
    code: 'action_response_unreadable',
  })
})

test('an upload that has begun goes on to its last step when the service stops', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const stopping = new AbortController()
  await using place = await ScriptedVendor.start(() => {
    stopping.abort()
    return { body: 'OK' }
  })
  const upload = { ok: true, upload_url: `${place.url}/upload`, file_id: 'F1' }
  slack.answerOnce('files.getUploadURLExternal', { body: upload })
  slack.answerOnce('files.completeUploadExternal', { body: { ok: true, files: [{ id: 'F1' }] } })
  const input = { filename: 'a.txt', content: 'x' }
  const timing = { stopWaiting: stopping.signal }
  const { output } = await connectorFor(slack).send('uploadFile', input, timing)
  expect(output).toMatchObject({ ok: true, files: [{ id: 'F1' }] })
})

test('a refusal by the place of an upload, which gets no token, says nothing of the token', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  await using upload = await ScriptedVendor.start(() => ({ status: 401, body: {} }))
  slack.answerOnce('files.getUploadURLExternal', {
    body: { ok: true, upload_url: upload.url, file_id: 'F1' },
  })
  expect(await source.refusal('uploadFile', { filename: 'a.txt', content: 'x' })).toMatchObject({
    code: 'action_refused',
  })
})

test('users are found by e-mail address and by id', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const found = await source.send('lookupUserByEmail', { email: 'user7@acme.example' })
  expect(found.output).toMatchObject({ user: { id: 'U7' } })
  expect((await source.send('getUser', { user: 'U7' })).output).toEqual(found.output)
  expect(await source.refusal('lookupUserByEmail', { email: 'no@acme.example' })).toMatchObject({
    code: 'action_refused',
    details: { vendor_code: 'users_not_found' },
  })
})

test("a failure keeps Slack's word, and its kind says what to do", async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const message = { channel: 'C1', text: 'Hi' }
  const wrong = await source.with({ access_token: 'xoxb-wrong' }).refusal('postMessage', message)
  expect(wrong).toMatchObject({
    code: 'action_credentials_refused',
    details: { vendor_code: 'invalid_auth' },
  })
  slack.data.tokens.set('xoxb-narrow', { userId: 'UBOT', scopes: ['channels:read'] })
  const narrow = await source.with({ access_token: 'xoxb-narrow' }).refusal('postMessage', message)
  expect(narrow).toMatchObject({ code: 'action_permission_denied' })
  expect(narrow.message).toContain(
    'missing_scope (needed: chat:write, the token has channels:read)',
  )
  const words = {
    fatal_error: 'action_outcome_unknown',
    service_unavailable: 'action_outcome_unknown',
    rate_limited: 'action_rate_limited',
    channel_not_found: 'action_refused',
  }
  for (const [error, code] of Object.entries(words)) {
    slack.answerOnce('chat.postMessage', { body: { ok: false, error } })
    const failure = await source.refusal('postMessage', message)
    expect(failure).toMatchObject({ code, details: { vendor_code: error } })
  }
  // Only reads may be tried again.
  slack.answerOnce('users.info', { body: { ok: false, error: 'internal_error' } })
  expect(await source.refusal('getUser', { user: 'U1' })).toMatchObject({
    code: 'action_unavailable',
  })
})

test('a call that was turned away is repeated after the wait that Slack asks for, and done once', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  slack.answerOnce('chat.postMessage', {
    status: 429,
    headers: { 'retry-after': '1' },
    body: { ok: false, error: 'ratelimited' },
  })
  const before = slack.data.messages.get('C1')?.length ?? 0
  await connectorFor(slack).send(
    'postMessage',
    { channel: 'C1', text: 'Hi' },
    { timeoutMs: 20_000 },
  )
  expect(slack.callsOf('chat.postMessage')).toHaveLength(2)
  expect(slack.data.messages.get('C1')).toHaveLength(before + 1)
})

test('inputs that Slack would refuse are refused before, and a preview has no secret', async () => {
  const source = new NativeConnector(slackConnector, { access_token: botToken })
  const wrong: readonly (readonly [string, object])[] = [
    ['postMessage', { channel: 'C1' }],
    ['postMessage', { channel: 'C1', text: 'a', markdown_text: 'b' }],
    ['postMessage', { channel: 'C1', text: 'a', as_user: true }],
    ['updateMessage', { channel: 'C1', ts: '5', text: 'a' }],
    ['addReaction', { channel: 'C1', timestamp: ts(6), name: ':eyes:' }],
    ['createChannel', { name: 'Not Valid' }],
    ['uploadFile', { filename: 'a', content: 'a', content_base64: 'YQ==' }],
    ['uploadFile', { filename: 'a', content: 'a', thread_ts: ts(6) }],
    ['uploadFile', { filename: 'a', content: 'a'.repeat(700_001) }],
  ]
  for (const [name, input] of wrong)
    await expect(
      source.send(name, { ...input }),
      JSON.stringify(input).slice(0, 100),
    ).rejects.toMatchObject({
      code: 'action_input_invalid',
    })
  const preview = await source.preview('postMessage', { channel: 'C1', text: 'Hi & bye' })
  expect(preview).toEqual({
    level: 'synthesized',
    request: {
      method: 'POST',
      url: 'https://slack.com/api/chat.postMessage',
      headers: {
        ...standardHeaders,
        Authorization: 'Bearer ***',
        'Content-Type': 'application/x-www-form-urlencoded',
      },
      body: 'channel=C1&text=Hi+%26+bye',
    },
  })
})
