import { textAt, valueAt } from '../action-session.ts'
import type { LiveEnvironment, LiveVendor, Sequence } from '../live-vendor.ts'

const day = 86_400

function channelOf({ LIVE_SLACK_CHANNEL: channel = '' }: LiveEnvironment): string {
  return channel
}

const messages: Sequence = {
  title: 'a message',
  run: async (session, environment) => {
    const channel = channelOf(environment)
    await session.call('getChannel', { channel })
    const text = session.name
    const ts = textAt(await session.call('postMessage', { channel, text }), 'ts')
    session.cleanUp('deleteMessage', { channel, ts })
    const page = await session.call('getHistory', {
      channel,
      latest: ts,
      inclusive: true,
      limit: 1,
    })
    if (valueAt(page, 'messages', 0, 'text') !== text)
      throw new Error('the history does not begin with the message')
    const reply = { channel, thread_ts: ts, text: `${text} reply` }
    const replied = textAt(await session.call('postMessage', reply), 'ts')
    session.cleanUp('deleteMessage', { channel, ts: replied })
    const thread = await session.call('getReplies', { channel, ts })
    if (valueAt(thread, 'messages', 1, 'ts') !== replied)
      throw new Error('the thread does not have the reply')
    await session.call('getPermalink', { channel, message_ts: ts })
    await session.call('updateMessage', { channel, ts, text: `${text} changed` })
    const reaction = { channel, timestamp: ts, name: 'eyes' }
    await session.call('addReaction', reaction)
    await session.call('addReaction', reaction, { shows: { no_change: 'already_reacted' } })
    await session.call('removeReaction', reaction)
  },
}

const scheduled: Sequence = {
  title: 'a scheduled message',
  run: async (session, environment) => {
    const channel = channelOf(environment)
    const later = Math.floor(Date.now() / 1000) + 3_600
    const input = { channel, text: session.name, post_at: later }
    const made = await session.call('scheduleMessage', input, { shows: { post_at: later } })
    const scheduled_message_id = textAt(made, 'scheduled_message_id')
    session.cleanUp('deleteScheduledMessage', { channel, scheduled_message_id })
  },
}

const people: Sequence = {
  title: 'people and channels',
  run: async (session) => {
    const { channels } = await session.call('listChannels', { limit: 10 })
    if (!Array.isArray(channels)) throw new Error('there is no list of channels')
  },
}

const channels: Sequence = {
  title: 'a channel',
  leaves: 'an archived channel',
  run: async (session) => {
    const { name } = session
    const channel = textAt(await session.call('createChannel', { name }), 'channel', 'id')
    session.cleanUp('archiveChannel', { channel })
    await session.call('joinChannel', { channel })
    await session.call('setTopic', { channel, topic: name })
    await session.call('setPurpose', { channel, purpose: name })
    await session.call('renameChannel', { channel, name: `${name}-changed` })
    const shown = await session.call('getChannel', { channel })
    if (valueAt(shown, 'channel', 'name') !== `${name}-changed`)
      throw new Error('the channel has not the new name')
  },
}

const files: Sequence = {
  title: 'a file',
  leaves: 'a private file',
  run: async (session) => {
    const input = { filename: `${session.name}.txt`, content: 'Grüße' }
    textAt(await session.call('uploadFile', input), 'files', 0, 'id')
  },
}

export const slack: LiveVendor = {
  type: 'slack',
  variables: ['LIVE_SLACK_TOKEN', 'LIVE_SLACK_CHANNEL'],
  refusal: ({ LIVE_SLACK_CHANNEL: channel = '' }) =>
    /^[CG]\w+$/.test(channel)
      ? undefined
      : 'LIVE_SLACK_CHANNEL is no id of a channel. Set it to the id at the end of the channel’s link (C…), of a channel that the app is in.',
  configOf: (environment) => ({
    access_token: environment.LIVE_SLACK_TOKEN ?? '',
    channel_ids: [channelOf(environment)],
  }),
  withWrongKey: (config) => ({ ...config, access_token: 'xoxb-not-a-token' }),
  apiUrl: 'https://slack.com/api',
  probe: () => ({ action: 'listChannels', input: { limit: 1 } }),
  // thread_lookback_days of the configuration.
  overlapSeconds: () => 7 * day,
  partitionField: 'channel_id',
  sequences: [messages, scheduled, people, channels, files],
  untried: {
    postEphemeral: 'it shows a message to a person',
    openConversation: 'it opens a direct message with a person',
    inviteToChannel: 'it invites a person',
    removeFromChannel: 'it removes a person',
    unarchiveChannel: 'Slack refuses it to the token of a bot',
  },
}
