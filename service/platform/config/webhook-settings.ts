import { setting } from './setting.ts'
import { httpUrl, text } from '../../../lib/net/address-fields.ts'
import { namedUrls, wholeNumber } from '../../../plan/setting-types.ts'

/** Settings of webhooks: where their events go, and for how long they are stored. */
export const webhookSettings = {
  jobsHandlers: setting(namedUrls.default({}), {
    path: 'jobs.handlers',
    type: 'table of NAME = URL; in the environment NAME=URL, with commas between',
    standard: 'none',
    description:
      'Programs that handle the events of webhooks with the target `job:NAME`: each event is a POST to its URL (docs/webhooks.md). Other names go to the Jobs service, if there is one.',
  }),
  functionsUrl: setting(httpUrl.optional(), {
    path: 'functions.url',
    type: 'URL',
    standard: 'none',
    description:
      'The Functions service, which handles the events of webhooks with the target `function:NAME` (docs/webhooks.md), and transforms the records of streams (docs/functions.md).',
  }),
  functionsApiKey: setting(text.optional(), {
    path: 'functions.api_key',
    type: 'text',
    standard: 'none',
    secret: true,
    description: 'The key for the Functions service.',
  }),
  webhookRetentionDays: setting(wholeNumber(1, 3_650).default(30), {
    path: 'webhooks.retention_days',
    type: 'whole number, 1 to 3650',
    standard: '30',
    description:
      'How many days after it came a delivery is deleted that has reached its targets. An event that the sender repeats later than that is a new one. Deliveries that wait, or were given up, are deleted after 90 days.',
  }),
} as const
