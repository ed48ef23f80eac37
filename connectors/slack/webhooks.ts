import type { WebhookDescriptor } from '../connector.ts'

/** https://docs.slack.dev/apis/events-api: the signature covers the time, which may be five minutes old. */
export const slackWebhooks: readonly WebhookDescriptor[] = [
  {
    name: 'events',
    title: 'Events API',
    signature: {
      header: 'x-slack-signature',
      algorithm: 'sha256',
      encoding: 'hex',
      form: 'one',
      prefix: 'v0=',
      signed: 'v0:{timestamp}:{body}',
      timestamp: { from: 'header:x-slack-request-timestamp', unit: 's' },
      idHeader: null,
      secret: 'text',
    },
    replayWindowMs: 300_000,
    eventId: '/event_id',
    eventType: '/event/type',
    secretFrom: 'vendor',
    refreshes: {
      message: 'messages',
      reaction_added: 'reactions',
      reaction_removed: 'reactions',
      channel_created: 'channels',
      channel_rename: 'channels',
      channel_archive: 'channels',
      channel_unarchive: 'channels',
      channel_deleted: 'channels',
      member_joined_channel: 'channel_members',
      member_left_channel: 'channel_members',
      team_join: 'users',
      user_change: 'users',
      file_created: 'files',
      file_change: 'files',
      file_deleted: 'files',
      subteam_created: 'user_groups',
      subteam_updated: 'user_groups',
      subteam_members_changed: 'user_groups',
    },
    handshakes: [
      {
        when: { at: '/type', is: 'url_verification' },
        answer: { challenge: '/challenge' },
      },
      // Slack left events out; it has no id.
      { when: { at: '/type', is: 'app_rate_limited' }, answer: {} },
    ],
  },
]
