import { describe, expect, test } from 'vitest'
import { freshdesk, type FreshdeskData } from '../../fakes/vendors/freshdesk.ts'
import { mailgun, type MailgunData } from '../../fakes/vendors/mailgun.ts'
import { at2025, made } from '../../fakes/vendors/rest.ts'
import { sendgrid, type SendgridData } from '../../fakes/vendors/sendgrid.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { expectSource } from './expect-source.ts'
import { bundled, LoopbackSource } from './loopback-source.ts'

const start_date = '2025-01-01T00:00:00Z'

function secondsAt(month: number, day: number): number {
  return Date.parse(at2025(month, day)) / 1000
}

describe('sendgrid', () => {
  test('reads suppressions by their time, lists by the next URL, and days of statistics again', async () => {
    const data: SendgridData = {
      bounces: [2, 12, 22].map((day) => ({
        created: secondsAt(1, day),
        email: `ada${String(day)}@x.example`,
      })),
      days: ['2025-02-26', '2025-02-27', '2025-02-28'],
    }
    const requests = await expectSource({
      type: 'sendgrid',
      config: { api_key: 'kit-secret-sendgrid', start_date },
      vendor: sendgrid(data),
      streams: [
        ...['bounces', 'blocks', 'invalid_emails', 'spam_reports', 'global_unsubscribes'],
        ...['unsubscribe_groups', 'templates', 'lists', 'segments', 'single_sends', 'daily_stats'],
      ],
      wrong: [{ api_key: 'wrong' }, 'Settings > API Keys'],
      limited: /bounces/,
      first: {
        bounces: ['ada12@x.example', 'ada22@x.example', 'ada2@x.example'],
        spam_reports: ['spam@x.example'],
        unsubscribe_groups: ['1'],
        templates: ['m0', 'm1', 'm2'],
        lists: ['m0'],
        segments: ['s'],
        single_sends: ['m0', 'm1'],
        daily_stats: ['2025-02-26', '2025-02-27', '2025-02-28'],
      },
      keys: { bounces: 'email', spam_reports: 'email', daily_stats: 'date' },
      change: () => {
        data.bounces.push({ created: secondsAt(3, 4), email: 'late@x.example' })
        data.days.push('2025-03-09')
      },
      second: {
        bounces: ['ada22@x.example', 'late@x.example'],
        daily_stats: ['2025-02-26', '2025-02-27', '2025-02-28', '2025-03-09'],
      },
    })
    const [first] = requests.filter(({ path }) => path.endsWith('/bounces'))
    expect(first?.query.get('start_time')).toBe(String(secondsAt(1, 22)))
  })
})

describe('freshdesk', () => {
  const config = { domain: 'acme.freshdesk.com', api_key: 'kit-secret-freshdesk', start_date }

  test('asks for tickets that changed, and for conversations of those only', async () => {
    const data: FreshdeskData = {
      tickets: made(3, (id) => ({ id, subject: 'x', updated_at: at2025(2, id) })),
      contacts: made(150, (id) => ({ id, name: 'x', updated_at: at2025(1, 1 + (id % 20)) })),
    }
    const requests = await expectSource({
      type: 'freshdesk',
      config,
      vendor: freshdesk(data),
      streams: [
        ...['tickets', 'conversations', 'contacts', 'companies', 'agents', 'groups'],
        ...['time_entries', 'satisfaction_ratings'],
      ],
      wrong: [{ api_key: 'wrong' }, 'Profile settings'],
      limited: /tickets$/,
      first: {
        tickets: ['1', '2', '3'],
        conversations: ['100', '200', '300'],
        contacts: made(150, (id) => ({ id }))
          .map(({ id }) => String(id))
          .toSorted(),
        companies: ['31'],
        agents: ['41'],
        groups: ['51'],
        time_entries: ['61'],
        satisfaction_ratings: ['71'],
      },
      change: () => data.tickets.push({ id: 9, subject: 'x', updated_at: at2025(3, 5) }),
      second: { tickets: ['3', '9'], conversations: ['300', '900'] },
    })
    expect(requests.some(({ path }) => path.includes('/tickets/1/'))).toBe(false)
  })

  test('reads more tickets than Freshdesk gives of one list', async () => {
    const tickets = made(30_150, (id) => ({
      id,
      updated_at: new Date(Date.parse(start_date) + id * 60_000).toISOString().replace('.000', ''),
    }))
    await using api = await VendorApi.start(freshdesk({ tickets, contacts: [] }))
    const read = await new LoopbackSource(bundled('freshdesk'), config, api).read(['tickets'])
    expect(read.failures).toEqual([])
    expect(new Set(read.records.get('tickets')?.map((ticket) => JSON.stringify(ticket))).size).toBe(
      30_150,
    )
  }, 60_000)
})

describe('mailgun', () => {
  test('reads events by days up to an empty page, and half an hour again', async () => {
    const event = (id: string, month: number, day: number) => ({
      id,
      event: 'delivered',
      timestamp: secondsAt(month, day) + 0.25,
    })
    const data: MailgunData = {
      events: [event('e1', 2, 26), event('e2', 2, 27), event('e3', 2, 27)],
    }
    await expectSource({
      type: 'mailgun',
      config: { api_key: 'kit-secret-mailgun', start_date: '2025-02-25T00:00:00Z' },
      vendor: mailgun(data),
      streams: ['domains', 'events', 'bounces', 'complaints', 'unsubscribes'],
      wrong: [{ api_key: 'wrong' }, 'API security'],
      limited: /bounces/,
      first: {
        domains: ['mg.acme.example'],
        events: ['e1', 'e2', 'e3'],
        bounces: ['bounce@x.example'],
        complaints: ['angry@x.example'],
        unsubscribes: ['gone@x.example'],
      },
      keys: {
        domains: 'name',
        bounces: 'address',
        complaints: 'address',
        unsubscribes: 'address',
      },
      change: () => data.events.push(event('e9', 3, 5)),
      second: { events: ['e2', 'e3', 'e9'] },
    })
  })
})
