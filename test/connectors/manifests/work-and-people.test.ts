import { describe, expect, test } from 'vitest'
import { airtable, type AirtableData } from '../../fakes/vendors/airtable.ts'
import { ashby } from '../../fakes/vendors/ashby.ts'
import { calendly, type CalendlyData } from '../../fakes/vendors/calendly.ts'
import { close, type CloseData } from '../../fakes/vendors/close-com.ts'
import { gong, type GongData } from '../../fakes/vendors/gong.ts'
import { googleCalendar, type Calendars } from '../../fakes/vendors/google-calendar.ts'
import { at2025, made } from '../../fakes/vendors/rest.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { expectSource } from './expect-source.ts'
import { bundled, LoopbackSource } from './loopback-source.ts'

const start_date = '2025-01-01T00:00:00Z'

describe('airtable', () => {
  const config = {
    credentials: { auth_type: 'token', access_token: 'kit-secret-airtable' },
    start_date,
  }
  const filled = (): AirtableData => ({
    tbl1: ['a', 'b', 'c'].map((id) => ({ id, changed: '2025-02-01T10:00:00Z' })),
    tbl2: [{ id: 'd', changed: '2025-02-02T10:00:00Z' }],
  })

  test('reads the records of all tables, and then those that changed', async () => {
    const data = filled()
    const requests = await expectSource({
      type: 'airtable',
      config,
      vendor: airtable(data),
      streams: ['bases', 'tables', 'records'],
      wrong: [
        { credentials: { auth_type: 'token', access_token: 'wrong' } },
        'https://airtable.com/create/tokens',
      ],
      limited: /tbl1/,
      waits: 31,
      first: { bases: ['app1'], tables: ['tbl1', 'tbl2'], records: ['a', 'b', 'c', 'd'] },
      change: () => {
        const [, changed] = data.tbl1 ?? []
        if (changed !== undefined) changed.changed = '2025-03-05T10:00:00Z'
        data.tbl2?.push({ id: 'e', changed: '2025-03-05T10:00:00Z' })
      },
      second: { records: ['b', 'e'] },
    })
    expect(requests.every(({ query }) => query.get('filterByFormula') !== '')).toBe(true)
  })

  test('reads with the tokens of an authorization in the browser, whose refresh tokens work once', async () => {
    await using api = await VendorApi.start(airtable(filled()))
    const credentials = {
      auth_type: 'oauth',
      client_id: 'client',
      client_secret: 'kit-secret',
      refresh_token: 'kit-secret-refresh',
    }
    const source = new LoopbackSource(bundled('airtable'), { ...config, credentials }, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
  })
})

describe('google-calendar', () => {
  test('reads the events of each calendar that changed or were cancelled', async () => {
    const event = (id: string, day: number) => ({
      id,
      status: 'confirmed',
      updated: `2025-02-${String(day).padStart(2, '0')}T10:00:00.123Z`,
    })
    const calendars: Calendars = {
      'team@acme.example': [event('a', 1), event('b', 2), event('c', 3)],
      'de#holiday@group.v.calendar.google.com': [event('d', 4)],
    }
    await expectSource({
      type: 'google-calendar',
      config: {
        client_id: 'client',
        client_secret: 'kit-secret-client',
        refresh_token: 'kit-secret-refresh',
        start_date,
      },
      vendor: googleCalendar(calendars),
      streams: ['calendars', 'events', 'access_rules', 'settings'],
      wrong: [{ refresh_token: 'gone' }, 'invalid_grant'],
      limited: /events/,
      first: {
        calendars: ['de#holiday@group.v.calendar.google.com', 'team@acme.example'],
        events: ['a', 'b', 'c', 'd'],
        access_rules: ['user:ada'],
        settings: ['timezone'],
      },
      change: () =>
        calendars['team@acme.example']?.push({
          id: 'a2',
          status: 'cancelled',
          updated: '2025-03-05T10:00:00.123Z',
        }),
      second: { events: ['a2', 'c', 'd'] },
    })
  })
})

describe('calendly', () => {
  const data: CalendlyData = {
    events: made(3, (id) => ({ id, time: at2025(2, id) })).map(({ id, time }) => ({
      id: `E${String(id)}`,
      start_time: String(time),
    })),
  }

  test('reads the organization of the user, and the invitees of each event', async () => {
    const uris = (kind: string, ...names: readonly string[]) =>
      names.map((name) => `https://api.calendly.com/${kind}/${name}`)
    await expectSource({
      type: 'calendly',
      config: {
        credentials: { auth_type: 'token', access_token: 'kit-secret-calendly' },
        start_date,
      },
      vendor: calendly(data),
      streams: [
        ...['me', 'event_types', 'scheduled_events', 'invitees', 'organization_memberships'],
        'groups',
      ],
      wrong: [
        { credentials: { auth_type: 'token', access_token: 'wrong' } },
        'Integrations & apps > API and webhooks',
      ],
      limited: /invitees/,
      first: {
        me: uris('users', 'ME'),
        event_types: uris('event_types', 'T1'),
        scheduled_events: uris('scheduled_events', 'E1', 'E2', 'E3'),
        invitees: uris('invitees', 'I-E1', 'I-E2', 'I-E3'),
        organization_memberships: uris('memberships', 'M1'),
        groups: uris('groups', 'G1'),
      },
      keys: {
        me: 'uri',
        event_types: 'uri',
        scheduled_events: 'uri',
        invitees: 'uri',
        organization_memberships: 'uri',
        groups: 'uri',
      },
    })
  })

  test('reads with the tokens of an authorization in the browser, whose refresh tokens work once', async () => {
    await using api = await VendorApi.start(calendly(data))
    const credentials = {
      auth_type: 'oauth',
      client_id: 'client',
      client_secret: 'kit-secret',
      refresh_token: 'kit-secret-refresh',
    }
    const source = new LoopbackSource(bundled('calendly'), { credentials, start_date }, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
  })
})

describe('close-com', () => {
  test('searches leads that changed, and asks for activities that were created since', async () => {
    const data: CloseData = {
      leads: made(120, (id) => ({
        id: `lead_${String(id)}`,
        date_updated: at2025(2, 1 + (id % 9)).replace('Z', '.123000+00:00'),
      })),
      calls: [{ id: 'acti_1', date_created: '2025-02-01T10:00:00+00:00' }],
    }
    await expectSource({
      type: 'close-com',
      config: { api_key: 'kit-secret-close', start_date },
      vendor: close(data),
      streams: [
        ...['leads', 'contacts', 'opportunities', 'tasks', 'calls', 'emails', 'notes'],
        ...['meetings', 'users', 'lead_statuses', 'opportunity_statuses', 'pipelines'],
      ],
      wrong: [{ api_key: 'wrong' }, 'Settings > Developer > API Keys'],
      limited: /lead\/$/,
      first: {
        leads: data.leads.map(({ id }) => String(id)).toSorted(),
        contacts: ['cont_1'],
        opportunities: ['oppo_1'],
        tasks: ['task_1'],
        calls: ['acti_1'],
        notes: [],
        pipelines: ['pipe_1'],
      },
      change: () => data.calls.push({ id: 'acti_9', date_created: '2025-03-05T10:00:00+00:00' }),
      second: { calls: ['acti_1', 'acti_9'], tasks: ['task_1'] },
    })
  })
})

describe('gong', () => {
  test('reads calls by windows, the empty ones of which are not found', async () => {
    const call = (id: string, month: number, day: number) => ({
      id,
      started: at2025(month, day).replace('Z', '.000-08:00'),
    })
    const data: GongData = { calls: [call('c1', 2, 1), call('c2', 2, 2), call('c3', 2, 20)] }
    await expectSource({
      type: 'gong',
      config: {
        access_key: 'key',
        access_key_secret: 'kit-secret-gong',
        api_url: 'https://us-1.api.gong.io/',
        start_date: '2024-06-01T00:00:00Z',
      },
      vendor: gong(data),
      streams: ['users', 'calls', 'workspaces', 'scorecards', 'answered_scorecards'],
      wrong: [{ access_key_secret: 'wrong' }, 'Company settings > Ecosystem > API'],
      limited: /calls/,
      first: {
        users: ['1', '2', '3'],
        calls: ['c1', 'c2', 'c3'],
        workspaces: ['w1'],
        scorecards: ['s1'],
        answered_scorecards: ['a1'],
      },
      keys: { scorecards: 'scorecardId', answered_scorecards: 'answeredScorecardId' },
      change: () => data.calls.push(call('c9', 3, 5)),
      second: { calls: ['c3', 'c9'], answered_scorecards: ['a1'] },
    })
  })
})

describe('ashby', () => {
  test('asks for each page of a list with a POST', async () => {
    const requests = await expectSource({
      type: 'ashby',
      config: { api_key: 'kit-secret-ashby' },
      vendor: ashby(['c1', 'c2', 'c3']),
      streams: [
        ...['candidates', 'applications', 'jobs', 'offers', 'openings', 'users', 'departments'],
        ...['locations', 'interview_schedules'],
      ],
      wrong: [{ api_key: 'wrong' }, 'Admin > Integrations > API Keys'],
      limited: /candidate/,
      first: {
        candidates: ['c1', 'c2', 'c3'],
        applications: ['a1'],
        jobs: ['j1', 'j2', 'j3'],
        interview_schedules: ['i1'],
      },
      second: { candidates: ['c1', 'c2', 'c3'] },
    })
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST'])
  })
})
