import { z } from 'zod'

/**
 * The fields of Slack's objects that are the reason to make a call. Slack promises none of them
 * (https://github.com/slackapi/node-slack-sdk declares all as optional), so only those by which an object is
 * known are not optional here. Nothing is refused because of them, and other fields are kept.
 */
const text = z.string().exactOptional()
const flag = z.boolean().exactOptional()
const whole = z.int().exactOptional()
const open = z.looseObject({})

/** As it was posted. */
export const message = z.looseObject({
  type: text,
  subtype: text,
  text,
  ts: text,
  thread_ts: text,
  user: text,
  bot_id: text,
  app_id: text,
  team: text,
  username: text,
  blocks: z.array(open).exactOptional(),
  attachments: z.array(open).exactOptional(),
})

/** As a search finds it. */
export const foundMessage = z.looseObject({
  type: text,
  text,
  ts: text,
  user: text,
  username: text,
  permalink: text,
  score: z.number().meta({ format: 'double' }).exactOptional(),
  channel: z.looseObject({ id: z.string(), name: text, is_private: flag }).exactOptional(),
})

const topic = z.looseObject({ value: text, creator: text, last_set: whole }).exactOptional()

export const channel = z.looseObject({
  id: z.string(),
  name: text,
  created: whole,
  creator: text,
  is_archived: flag,
  is_im: flag,
  is_member: flag,
  is_mpim: flag,
  is_private: flag,
  is_shared: flag,
  topic,
  purpose: topic,
})

export const user = z.looseObject({
  id: z.string(),
  name: text,
  real_name: text,
  team_id: text,
  deleted: flag,
  is_admin: flag,
  is_bot: flag,
  is_owner: flag,
  is_restricted: flag,
  is_ultra_restricted: flag,
  locale: text,
  tz: text,
  tz_offset: whole,
  updated: whole,
  profile: z
    .looseObject({
      display_name: text,
      real_name: text,
      first_name: text,
      last_name: text,
      email: text,
      phone: text,
      title: text,
      image_192: text,
      status_emoji: text,
      status_text: text,
    })
    .exactOptional(),
})

export const file = z.looseObject({
  id: z.string(),
  name: text,
  title: text,
  mimetype: text,
  filetype: text,
  size: whole,
  permalink: text,
  permalink_public: text,
  url_private: text,
  url_private_download: text,
})
