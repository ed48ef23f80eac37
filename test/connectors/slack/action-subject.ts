import type { ActionSubject } from '../action-contract.ts'

const channel = 'C1'
const ts = '1767225600.000001'

export const slackSubject: ActionSubject = {
  configOf: (url, secret) => ({ api_url: `${url}/api`, access_token: secret }),
  succeed: ({ headers }) => ({
    body: {
      ok: true,
      channel,
      ts,
      upload_url: `http://${String(headers.host)}/upload/v1/F1`,
      file_id: 'F1',
      channels: [],
      messages: [],
      permalink: 'https://acme.slack.com/archives/C1/p1',
    },
    headers: { 'x-slack-req-id': 'req-1' },
  }),
  refuseCredentials: () => ({ body: { ok: false, error: 'invalid_auth' } }),
  samples: {
    postMessage: {
      channel,
      text: 'Hi & bye *Łukasz*',
      blocks: [{ type: 'divider' }],
      unfurl_links: false,
    },
    postEphemeral: { channel, user: 'U1', text: 'Only you' },
    updateMessage: { channel, ts, text: 'Again' },
    deleteMessage: { channel, ts },
    scheduleMessage: { channel, post_at: 1_800_000_000, markdown_text: '**Later**' },
    deleteScheduledMessage: { channel, scheduled_message_id: 'Q1' },
    getHistory: { channel, oldest: '1767225600', latest: ts, inclusive: true, limit: 15 },
    getReplies: { channel, ts, cursor: 'bmV4dA==', include_all_metadata: true },
    getPermalink: { channel, message_ts: ts },
    addReaction: { channel, timestamp: ts, name: 'wave::skin-tone-3' },
    removeReaction: { channel, timestamp: ts, name: '+1' },
    listChannels: { types: ['public_channel', 'im'], exclude_archived: true, limit: 999 },
    getChannel: { channel, include_num_members: true },
    createChannel: { name: 'neue-straße_1', is_private: true },
    renameChannel: { channel, name: 'other' },
    setTopic: { channel, topic: 'a=b&c' },
    setPurpose: { channel, purpose: '' },
    inviteToChannel: { channel, users: ['U1', 'U2'] },
    removeFromChannel: { channel, user: 'U1' },
    joinChannel: { channel },
    archiveChannel: { channel },
    unarchiveChannel: { channel },
    openConversation: { users: ['U1'] },
    uploadFile: { filename: 'a.txt', content: 'Grüße', channel_id: channel, thread_ts: ts },
    lookupUserByEmail: { email: 'ada+1@example.com' },
    getUser: { user: 'U1' },
  },
}
