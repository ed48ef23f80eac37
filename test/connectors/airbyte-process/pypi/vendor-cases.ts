import { GithubSimulator } from '../../../fakes/github/simulator.ts'
import { listOf, userOf } from '../../../fakes/github/data.ts'
import { fillAcme } from '../../../fakes/slack/acme.ts'
import { botToken, SlackSimulator } from '../../../fakes/slack/slack-simulator.ts'
import { StripeSimulator } from '../../../fakes/stripe/stripe-simulator.ts'
import { klaviyo } from '../../../fakes/vendors/klaviyo.ts'
import { notion, type NotionPage } from '../../../fakes/vendors/notion.ts'
import { at2025, made } from '../../../fakes/vendors/rest.ts'
import { sentry } from '../../../fakes/vendors/sentry.ts'
import type { Vendor } from '../../../fakes/vendors/vendor-api.ts'
import { zendesk } from '../../../fakes/vendors/zendesk-support.ts'
import type { ConnectorCase } from './connector-case.ts'

const startDate = '2025-01-01T00:00:00Z'
const day = (number: number): string => at2025(1 + Math.floor(number / 28), 1 + (number % 28))
const seconds = (text: string): number => Date.parse(text) / 1000

const github: ConnectorCase = {
  name: 'github',
  version: '2.7.1',
  streams: { issues: 'incremental', branches: 'full_refresh' },
  open: () => {
    const simulator = new GithubSimulator()
    const repository = simulator.addRepository('acme/shop')
    const issues = listOf(repository, 'issues')
    const add = (number: number): void => {
      const time = day(number)
      issues.push({
        id: 1_000 + number,
        number,
        title: `Issue ${String(number)}`,
        body: 'It “breaks”.\n',
        state: 'open',
        user: userOf('ada'),
        labels: [{ id: 1, name: 'bug' }],
        created_at: time,
        updated_at: time,
        url: `https://api.github.com/repos/acme/shop/issues/${String(number)}`,
      })
    }
    for (let number = 1; number <= 240; number += 1) add(number)
    const limits = { limit: 5_000, remaining: 5_000, reset: 1_893_456_000, used: 0 }
    const vendor: Vendor = (request) =>
      request.path === '/rate_limit'
        ? {
            body: {
              resources: { core: limits, graphql: limits, search: limits },
              rate: limits,
            },
          }
        : simulator.handle(request)
    return {
      vendors: { 'api.github.com': vendor },
      config: {
        credentials: {
          option_title: 'PAT Credentials',
          personal_access_token: 'ghp_ada',
        },
        repositories: ['acme/shop'],
        start_date: startDate,
      },
      change: () => {
        for (let number = 241; number <= 250; number += 1) add(number)
      },
    }
  },
}

const stripe: ConnectorCase = {
  name: 'stripe',
  version: '5.14.1',
  streams: { customers: 'incremental', products: 'incremental' },
  open: async () => {
    const simulator = await StripeSimulator.start()
    const { account } = simulator
    account.now = Math.floor(Date.now() / 1000) - 3 * 86_400
    const add = (number: number): void => {
      account.now += 60
      account.add('customers', { name: `Customer ${String(number)}`, email: null })
    }
    for (let number = 1; number <= 250; number += 1) add(number)
    for (let number = 1; number <= 20; number += 1)
      account.add('products', { name: `Product ${String(number)}`, active: true })
    return {
      vendors: { 'api.stripe.com': simulator.url },
      config: {
        account_id: 'acct_1',
        client_secret: 'sk_test_123',
        start_date: new Date(Date.now() - 30 * 86_400_000).toISOString().slice(0, 19) + 'Z',
      },
      change: () => {
        account.now += 3_600
        for (let number = 251; number <= 260; number += 1) add(number)
      },
      close: () => simulator[Symbol.asyncDispose](),
    }
  },
}

const slack: ConnectorCase = {
  name: 'slack',
  version: '3.0.0',
  // Its other streams fail with its own CDK, by themselves too: ChannelsRetriever lacks a method.
  streams: { users: 'full_refresh' },
  open: async () => {
    const simulator = await SlackSimulator.start()
    fillAcme(simulator.data)
    return {
      vendors: { 'slack.com': simulator.url },
      config: {
        start_date: '2026-01-01T00:00:00Z',
        lookback_window: 0,
        join_channels: false,
        credentials: { option_title: 'API Token Credentials', api_token: botToken },
      },
      change: () => {
        simulator.data.users.push({ id: 'U451', name: 'user451', deleted: false, is_bot: false })
      },
      close: () => simulator[Symbol.asyncDispose](),
    }
  },
}

const klaviyoCase: ConnectorCase = {
  name: 'klaviyo',
  version: '2.13.1',
  streams: { profiles: 'incremental', events: 'incremental', metrics: 'full_refresh' },
  open: () => {
    const numbers = Array.from({ length: 30 }, (_, index) => index + 1)
    const data = {
      profiles: numbers.map((number) => ({
        id: `P${String(number)}`,
        updated: zoned(day(number)),
      })),
      events: numbers.map((number) => ({ id: `E${String(number)}`, datetime: zoned(day(number)) })),
    }
    return {
      vendors: { 'a.klaviyo.com': klaviyo(data) },
      config: { api_key: 'kit-secret-klaviyo', start_date: startDate },
      change: () => {
        data.profiles.push({ id: 'P31', updated: zoned(day(40)) })
        data.events.push({ id: 'E31', datetime: zoned(day(40)) })
      },
    }
  },
}

function zoned(text: string): string {
  return text.replace('Z', '+00:00')
}

const notionCase: ConnectorCase = {
  name: 'notion',
  version: '3.2.0',
  streams: { users: 'full_refresh', pages: 'incremental' },
  open: () => {
    const page = (number: number): NotionPage => ({
      object: 'page',
      id: `page-${String(number)}`,
      last_edited_time: day(number).replace('Z', '.000Z'),
    })
    const pages = Array.from({ length: 21 }, (_, index) => page(index + 1))
    return {
      vendors: { 'api.notion.com': notion(pages) },
      config: {
        credentials: { auth_type: 'token', token: 'kit-secret-notion' },
        start_date: '2025-01-01T00:00:00.000Z',
      },
      change: () => {
        pages.push(page(30), page(31))
      },
    }
  },
}

const sentryCase: ConnectorCase = {
  name: 'sentry',
  version: '0.6.11',
  isUnproved: true,
  streams: { events: 'full_refresh', releases: 'full_refresh' },
  open: () => {
    const event = (number: number) => ({
      id: String(number),
      eventID: `e${String(number)}`,
      dateCreated: day(number),
      title: `Event ${String(number)}`,
      tags: [{ key: 'level', value: 'error' }],
    })
    const web = made(21, event)
    const vendor = sentry({ issues: [], events: { web } })
    return {
      vendors: {
        'sentry.io': withPath('/api/0/projects/acme/web/', { id: '1', slug: 'web' }, vendor),
      },
      config: {
        auth_token: 'kit-secret-sentry',
        hostname: 'sentry.io',
        organization: 'acme',
        project: 'web',
      },
      change: () => {
        web.push(event(40))
      },
    }
  },
}

const zendeskCase: ConnectorCase = {
  name: 'zendesk-support',
  version: '4.9.1',
  isUnproved: true,
  streams: { tickets: 'incremental', users: 'incremental', groups: 'full_refresh' },
  open: () => {
    const changes = (count: number): Map<number, number> =>
      new Map(made(count, (id) => ({ id })).map(({ id }) => [Number(id), seconds(day(Number(id)))]))
    const data = { tickets: changes(20), users: changes(9), organizations: changes(3) }
    return {
      vendors: {
        'acme.zendesk.com': withPath(
          '/api/v2/account/settings.json',
          { settings: { active_features: { organization_access_enabled: true } } },
          zendesk(data),
        ),
      },
      config: {
        subdomain: 'acme',
        start_date: startDate,
        credentials: {
          credentials: 'api_token',
          email: 'ada@acme.example',
          api_token: 'kit-secret-zendesk',
        },
      },
      change: () => {
        data.tickets.set(21, seconds(day(40)))
        data.users.set(3, seconds(day(41)))
      },
    }
  },
}

/** The vendor, with one more document. */
function withPath(path: string, body: object, vendor: Vendor): Vendor {
  return (request) => (request.path === path ? { body } : vendor(request))
}

export const vendorCases: readonly ConnectorCase[] = [
  github,
  stripe,
  slack,
  klaviyoCase,
  notionCase,
  sentryCase,
  zendeskCase,
]
