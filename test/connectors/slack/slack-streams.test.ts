import { expect, test } from 'vitest'
import { z } from 'zod'
import { connectorOf } from '../../../connectors/registry.ts'
import { fillAcme, ts } from '../../fakes/slack/acme.ts'
import { botToken, SlackSimulator } from '../../fakes/slack/slack-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'
import type { Row } from '../collected.ts'

const slackConnector = await connectorOf('slack')

function connectorFor({ apiUrl }: SlackSimulator): NativeConnector {
  const config = { access_token: botToken, api_url: apiUrl, start_date: '2026-01-01T00:00:00Z' }
  return new NativeConnector(slackConnector, config)
}

function keys(rows: readonly Row[], ...names: readonly string[]): readonly string[] {
  return rows.map((row) => names.map((name) => String(row[name])).join('/')).toSorted()
}

test('a wrong token, and one without a scope, fail with what to do', async () => {
  await using slack = await SlackSimulator.start()
  const source = connectorFor(slack)
  expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
  expect(await source.with({ access_token: 'xoxb-wrong' }).check()).toMatchObject({
    status: 'FAILED',
    message: expect.stringMatching(/invalid_auth.*OAuth & Permissions/) as unknown,
  })
  slack.data.tokens.set('xoxb-narrow', { userId: 'UBOT', scopes: ['channels:read'] })
  const narrow = source.with({ access_token: 'xoxb-narrow' })
  // Actions may need no scope of a stream.
  expect(await narrow.check()).toEqual({ status: 'SUCCEEDED' })
  const { error } = await narrow.read('users')
  expect(error?.message).toMatch(/users:read.*missing_scope/)
  expect(error?.code).toBe('source_refused')
})

test('all streams have their keys and cursors in their schemas', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const streams = await connectorFor(slack).discover()
  expect(streams.map(({ name }) => name)).toEqual([
    'workspace',
    'users',
    'channels',
    'channel_members',
    'messages',
    'reactions',
    'files',
    'user_groups',
  ])
  for (const { name, json_schema: schema, source_defined_primary_key: key } of streams) {
    const properties = Object.keys(z.looseObject({}).parse(schema.properties))
    expect(properties, name).toEqual(expect.arrayContaining((key ?? []).flat()))
  }
  const described = await slackConnector.streams?.()
  expect(described?.streams.filter(({ unsupported }) => unsupported !== null)).toEqual([])
})

test('lists are read past their first page, and a limit of the rate is waited for', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  slack.answerOnce('users.list', {
    status: 429,
    headers: { 'retry-after': '1' },
    body: { ok: false, error: 'ratelimited' },
  })
  const users = await source.read('users')
  expect(users.error).toBeUndefined()
  expect(users.rows).toHaveLength(450)
  expect(users.waits).toBe(1)
  const channels = await source.read('channels')
  expect(keys(channels.rows, 'id')).toEqual(['C1', 'C2', 'C3', 'G1'])
  const members = await source.read('channel_members')
  expect(members.rows).toHaveLength(452)
  expect(members.rows).toContainEqual({ user_id: 'U2', channel_id: 'C2' })
  const groups = await source.read('user_groups')
  expect(keys(groups.rows, 'id')).toEqual(['S1'])
  const workspace = await source.read('workspace')
  expect(workspace.rows).toMatchObject([{ team_id: 'T1', user_id: 'UBOT' }])
})

test('messages are those of the channels of the bot, with the replies of threads, each once', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const { rows, error } = await connectorFor(slack).read('messages')
  expect(error).toBeUndefined()
  const found = keys(rows, 'channel_id', 'ts')
  expect(new Set(found).size).toBe(found.length)
  expect(found).toHaveLength(420 + 1 + 3 + 1 + 1 + 2)
  expect(found).toContain(`C1/${ts(6, 4)}`)
  expect(found).toContain(`G1/${ts(8)}`)
  expect(found.filter((key) => key.startsWith('C3'))).toEqual([])
  expect(slack.callsOf('conversations.replies')).toHaveLength(1)
})

test('a user reads public channels without being in them, and channel_ids selects some', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  slack.data.tokens.set('xoxp-user', {
    userId: 'U1',
    scopes: ['channels:read', 'groups:read', 'channels:history'],
  })
  const source = connectorFor(slack).with({ access_token: 'xoxp-user', channel_ids: ['C2', 'C3'] })
  // The simulator refuses it all the same, as Slack does if an administrator limits it: the channel is left
  // out.
  expect(keys((await source.read('messages')).rows, 'channel_id')).toEqual(['C2'])
  expect(slack.callsOf('conversations.history').map(({ args }) => args.get('channel'))).toEqual([
    'C2',
    'C3',
  ])
})

test('a later read asks for what is new, for late replies within the window, and for no thread that is known', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const first = await source.read('messages')
  expect(first.error).toBeUndefined()
  slack.requests.length = 0
  slack.data.say('C1', ts(10))
  slack.data.say('C2', ts(10, 1), { parent: ts(7), user: 'U2' })
  const second = await source.read('messages', { state: first.state })
  expect(second.error).toBeUndefined()
  const found = keys(second.rows, 'channel_id', 'ts')
  expect(found).toContain(`C1/${ts(10)}`)
  expect(found).toContain(`C2/${ts(10, 1)}`)
  expect(slack.callsOf('conversations.replies').map(({ args }) => args.get('ts'))).toEqual([ts(7)])
  const third = await source.read('messages', { state: second.state })
  expect(keys(third.rows, 'channel_id', 'ts').filter((key) => !found.includes(key))).toEqual([])
})

test('without a lookback and without threads only what is newer is asked for', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack).with({ thread_lookback_days: 0, read_threads: false })
  const first = await source.read('messages')
  expect(first.error).toBeUndefined()
  expect(first.rows).toHaveLength(428 - 3)
  slack.data.say('C1', ts(9))
  const second = await source.read('messages', { state: first.state })
  expect(second.error).toBeUndefined()
  // And the newest known one of each channel.
  expect(keys(second.rows, 'channel_id', 'ts')).toEqual([
    `C1/${ts(8, 2)}`,
    `C1/${ts(9)}`,
    `C2/${ts(7)}`,
    `G1/${ts(8)}`,
  ])
  expect(slack.callsOf('conversations.replies')).toEqual([])
})

test('a channel that the bot is invited to later is read from its start', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack).with({ thread_lookback_days: 1 })
  const first = await source.read('messages')
  const channel = slack.data.channels.find(({ id }) => id === 'C3')
  Object.assign(channel ?? {}, { is_member: true })
  slack.data.say('C3', ts(2))
  slack.data.say('C3', ts(2, 2), { parent: ts(2) })
  const second = await source.read('messages', { state: first.state })
  const found = keys(second.rows, 'channel_id', 'ts')
  expect(found).toEqual(expect.arrayContaining([`C3/${ts(2)}`, `C3/${ts(2, 2)}`, `C3/${ts(7, 2)}`]))
  const third = await source.read('messages', { state: second.state })
  expect(keys(third.rows, 'channel_id', 'ts')).not.toContain(`C3/${ts(2)}`)
})

test.each(['history', 'replies'])(
  'a channel that the bot leaves in the middle of its %s fails the stream, and nothing is missing when it is back',
  async (list) => {
    await using slack = await SlackSimulator.start()
    fillAcme(slack.data)
    const source = connectorFor(slack).with({ channel_ids: ['C1'] })
    const whole = keys((await source.read('messages')).rows, 'channel_id', 'ts')
    if (list === 'history') slack.answerOnce('conversations.history', await firstPage(slack))
    slack.answerOnce(`conversations.${list}`, { body: { ok: false, error: 'not_in_channel' } })
    const left = await source.read('messages')
    expect(left.error).toMatchObject({
      code: 'source_unavailable',
      message: expect.stringContaining('has to be read again') as unknown,
    })
    const back = await source.read('messages', { state: left.state })
    expect(back.error).toBeUndefined()
    const all = keys([...left.covered, ...back.rows], 'channel_id', 'ts')
    expect(new Set(all)).toEqual(new Set(whole))
  },
)

/** Reads the first page of the history of #general. */
async function firstPage({ apiUrl }: SlackSimulator) {
  const response = await fetch(`${apiUrl}/conversations.history?channel=C1&limit=200`, {
    headers: { authorization: `Bearer ${botToken}` },
  })
  return { body: (await response.json()) as object }
}

test('a page of a gateway is no answer of Slack', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const html = { 'content-type': 'text/html', 'retry-after': '1' }
  slack.answerOnce('users.list', { status: 503, headers: html, body: '<html>Bad gateway</html>' })
  const { rows, error } = await connectorFor(slack).read('users')
  expect(error).toBeUndefined()
  expect(rows).toHaveLength(450)
})

test('what comes while a read goes on is left to the next one, as a whole', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const future = String(Math.floor(Date.now() / 1000) + 3600)
  slack.data.say('C1', `${future}.000001`, { parent: ts(6) })
  const { rows, state } = await source.read('messages')
  expect(keys(rows, 'ts')).not.toContain(`${future}.000001`)
  expect(JSON.stringify(state)).not.toContain(future)
})

test('a read that is stopped at any record goes on from its state without loss', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const whole = keys((await source.read('messages')).rows, 'channel_id', 'ts')
  for (const stopAfter of [1, 2, 201, 402, 425]) {
    const stopped = await source.read('messages', { stopAfter })
    const rest = await source.read('messages', { state: stopped.state })
    expect(rest.error).toBeUndefined()
    const all = keys([...stopped.covered, ...rest.rows], 'channel_id', 'ts')
    expect(new Set(all)).toEqual(new Set(whole))
  }
})

test('reactions are one record for each emoji, and messages without any move the state', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  const { rows, state, error } = await source.read('reactions')
  expect(error).toBeUndefined()
  expect(rows).toContainEqual({
    channel_id: 'C1',
    message_ts: ts(6),
    name: 'wave',
    count: 2,
    users: ['U1', 'U2'],
  })
  expect(keys(rows, 'channel_id', 'name')).toEqual(['C1/wave', 'C2/+1'])
  expect(JSON.stringify(state)).toContain(String(Number(ts(8))))
})

test('files are paged by time, and a later read asks for those of the window', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  for (let number = 0; number < 250; number += 1)
    slack.data.files.push({
      id: `X${String(number)}`,
      created: Date.UTC(2026, 0, 20) / 1000 + number,
    })
  const source = connectorFor(slack)
  const first = await source.read('files')
  expect(first.error).toBeUndefined()
  expect(new Set(keys(first.rows, 'id')).size).toBe(255)
  const second = await source.read('files', { state: first.state })
  expect(second.rows).toHaveLength(250)
})

test('trouble of Slack itself is waited out, another refusal fails the stream', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const source = connectorFor(slack)
  slack.answerOnce('usergroups.list', { body: { ok: false, error: 'internal_error' } })
  expect((await source.read('user_groups')).rows).toHaveLength(1)
  slack.answerOnce('usergroups.list', { body: { ok: false, error: 'invalid_team' } })
  const { error } = await source.read('user_groups')
  expect(error?.message).toContain('invalid_team')
})

test('the metadata of messages and of replies come with their contents', async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const metadata = { event_type: 'build', event_payload: { id: 7 } }
  slack.data.say('C2', ts(9), { metadata })
  slack.data.say('C2', ts(9, 2), { parent: ts(9), metadata })
  const { rows } = await connectorFor(slack).read('messages')
  const found = rows.filter((row) => [ts(9), ts(9, 2)].includes(String(row.ts)))
  expect(found.map((row) => row.metadata)).toEqual([metadata, metadata])
})
