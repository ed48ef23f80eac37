import { WebClient } from '@slack/web-api'
import { expect, test } from 'vitest'
import { fillAcme, ts } from '../../fakes/slack/acme.ts'
import { botToken, SlackSimulator } from '../../fakes/slack/slack-simulator.ts'

function clientOf({ apiUrl }: SlackSimulator, token = botToken): WebClient {
  return new WebClient(token, {
    slackApiUrl: `${apiUrl}/`,
    allowAbsoluteUrls: true,
    retryConfig: { retries: 1, minTimeout: 1 },
  })
}

test("Slack's own client pages through the simulator, waits for it and understands its refusals", async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const client = clientOf(slack)
  slack.answerOnce('users.list', {
    status: 429,
    headers: { 'retry-after': '0' },
    body: { ok: false, error: 'ratelimited' },
  })
  const ids: (string | undefined)[] = []
  for await (const page of client.paginate('users.list', { limit: 200 })) {
    ids.push(...((page as { members?: { id?: string }[] }).members ?? []).map(({ id }) => id))
  }
  expect(ids).toHaveLength(450)
  expect(slack.callsOf('users.list')).toHaveLength(4)
  await expect(clientOf(slack, 'xoxb-wrong').auth.test()).rejects.toMatchObject({
    code: 'slack_webapi_platform_error',
    data: { ok: false, error: 'invalid_auth' },
  })
})

test("Slack's own client reads and writes conversations, and uploads a file", async () => {
  await using slack = await SlackSimulator.start()
  fillAcme(slack.data)
  const client = clientOf(slack)
  const posted = await client.chat.postMessage({ channel: 'C1', text: 'Hi', thread_ts: ts(6) })
  const thread = await client.conversations.replies({ channel: 'C1', ts: ts(6) })
  expect(thread.messages?.map((message) => message.ts)).toContain(posted.ts)
  await client.reactions.add({ channel: 'C1', timestamp: ts(6), name: 'eyes' })
  const history = await client.conversations.history({ channel: 'C1', limit: 2 })
  expect(history.messages?.[1]).toMatchObject({
    ts: ts(6, 9),
    subtype: 'thread_broadcast',
  })
  const info = await client.conversations.info({ channel: 'C2', include_num_members: true })
  expect(info.channel).toMatchObject({ id: 'C2', num_members: 2 })
  await client.conversations.kick({ channel: 'C2', user: 'U2' })
  const { members } = await client.conversations.members({ channel: 'C2' })
  expect(members).toEqual(['U1'])
  const { permalink } = await client.chat.getPermalink({ channel: 'C1', message_ts: ts(6) })
  expect(permalink).toContain('/archives/C1/p')
  const file = Buffer.from([0, 1, 2, 255])
  await client.filesUploadV2({ file, filename: 'bytes.bin', channel_id: 'C1' })
  const [upload] = slack.data.uploads.values()
  expect(upload?.bytes).toEqual(new Uint8Array(file))
})
