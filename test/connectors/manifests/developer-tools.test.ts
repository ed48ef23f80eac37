import { describe, expect, test } from 'vitest'
import { clickup, type ClickupData } from '../../fakes/vendors/clickup-api.ts'
import { confluence, type ConfluenceData } from '../../fakes/vendors/confluence.ts'
import { pagerduty, type PagerdutyData } from '../../fakes/vendors/pagerduty.ts'
import { at2025, made } from '../../fakes/vendors/rest.ts'
import { sentry, type SentryData } from '../../fakes/vendors/sentry.ts'
import { shortcut, type ShortcutData } from '../../fakes/vendors/shortcut.ts'
import { expectSource } from './expect-source.ts'

const start_date = '2025-01-01T00:00:00Z'

describe('sentry', () => {
  test('follows cursors of the Link header, and asks for what happened since', async () => {
    const event = (id: string, day: number) => ({
      id,
      dateCreated: `2025-02-${String(day).padStart(2, '0')}T10:00:00Z`,
    })
    const data: SentryData = {
      issues: [1, 2, 3].map((id) => ({
        id: String(id),
        lastSeen: `2025-02-0${String(id)}T10:00:00.000000Z`,
      })),
      events: { web: [event('a', 1), event('b', 2), event('c', 3)], api: [event('d', 4)] },
    }
    const requests = await expectSource({
      type: 'sentry',
      config: { auth_token: 'kit-secret-sentry', organization: 'acme', start_date },
      vendor: sentry(data),
      streams: ['projects', 'issues', 'events', 'releases', 'teams', 'members'],
      wrong: [{ auth_token: 'wrong' }, 'Settings > Auth Tokens'],
      limited: /issues/,
      first: {
        projects: ['1', '2'],
        issues: ['1', '2', '3'],
        events: ['a', 'b', 'c', 'd'],
        releases: ['1.0', '1.1'],
        teams: ['7'],
        members: ['8'],
      },
      keys: { releases: 'version' },
      change: () => {
        data.issues.push({ id: '9', lastSeen: '2025-03-05T10:00:00.000000Z' })
        data.events.api?.push({ id: 'z', dateCreated: '2025-03-05T10:00:00Z' })
      },
      second: { issues: ['3', '9'], events: ['c', 'd', 'z'] },
    })
    const asked = requests.filter(({ path }) => path.endsWith('/issues/'))
    expect(asked.map(({ query }) => query.get('start'))).toEqual(['2025-02-03T10:00:00Z'])
  })
})

describe('confluence', () => {
  test('finds pages and posts that changed with CQL, and reads a day again', async () => {
    const data: ConfluenceData = {
      contents: [
        ...[1, 2, 3].map((day) => ({
          id: `p${String(day)}`,
          type: 'page',
          when: `2025-02-0${String(day)}T10:00:00.000Z`,
        })),
        { id: 'b1', type: 'blogpost', when: '2025-02-01T10:00:00.000+01:00' },
      ],
    }
    const requests = await expectSource({
      type: 'confluence',
      config: {
        domain: 'acme.atlassian.net',
        email: 'ada@acme.example',
        api_token: 'kit-secret-confluence',
        start_date,
      },
      vendor: confluence(data),
      streams: ['spaces', 'pages', 'blog_posts', 'footer_comments', 'groups'],
      wrong: [
        { api_token: 'wrong' },
        'https://id.atlassian.com/manage-profile/security/api-tokens',
      ],
      limited: /search/,
      first: {
        spaces: ['1', '2', '3'],
        pages: ['p1', 'p2', 'p3'],
        blog_posts: ['b1'],
        footer_comments: ['c1'],
        groups: ['g1'],
      },
      change: () =>
        data.contents.push({ id: 'p9', type: 'page', when: '2025-03-05T10:00:00.000Z' }),
      second: { pages: ['p2', 'p3', 'p9'] },
    })
    expect(requests[0]?.query.get('cql')).toContain('lastmodified >= "2025-02-02 10:00"')
  })
})

describe('pagerduty', () => {
  test('reads incidents and the log by windows, and leaves out what the plan does not have', async () => {
    const data: PagerdutyData = {
      incidents: made(3, (id) => ({ id: `q${String(id)}`, created_at: at2025(2, id * 9) })),
    }
    await expectSource({
      type: 'pagerduty',
      config: { api_key: 'kit-secret-pagerduty', start_date },
      vendor: pagerduty(data),
      streams: [
        ...['incidents', 'log_entries', 'services', 'teams', 'users', 'schedules'],
        ...['escalation_policies', 'priorities'],
      ],
      wrong: [{ api_key: 'wrong' }, 'Integrations > API Access Keys'],
      limited: /incidents/,
      first: {
        incidents: ['q1', 'q2', 'q3'],
        log_entries: ['l1'],
        services: made(101, (id) => ({ id }))
          .map((_, index) => `s${String(index)}`)
          .toSorted(),
        teams: ['teams-1'],
        priorities: [],
      },
      change: () => data.incidents.push({ id: 'q9', created_at: at2025(3, 5) }),
      // A week again: their status changes.
      second: { incidents: ['q3', 'q9'], log_entries: ['l1'] },
    })
  })
})

describe('clickup-api', () => {
  test('reads tasks of a workspace that changed, and leaves out what the user may not see', async () => {
    const task = (id: number, time: string) => ({
      id: `t${String(id)}`,
      date_updated: String(Date.parse(time)),
    })
    const data: ClickupData = { tasks: made(120, (id) => task(id, at2025(2, 1 + (id % 9)))) }
    const requests = await expectSource({
      type: 'clickup-api',
      config: { api_token: 'kit-secret-clickup', start_date },
      vendor: clickup(data),
      streams: [
        ...['workspaces', 'spaces', 'folders', 'folder_lists', 'lists_without_folder'],
        ...['tasks', 'goals', 'tags'],
      ],
      wrong: [{ api_token: 'wrong' }, 'Settings > Apps > API Token'],
      limited: /task$/,
      first: {
        workspaces: ['1'],
        spaces: ['10', '11'],
        folders: ['f10', 'f11'],
        folder_lists: ['list-f10', 'list-f11'],
        lists_without_folder: ['l10'],
        tasks: data.tasks.map(({ id }) => String(id)).toSorted(),
        goals: ['g1'],
        tags: ['tag-10', 'tag-11'],
      },
      keys: { tags: 'name' },
      change: () => data.tasks.push(task(900, at2025(3, 5))),
      second: { tasks: ['t900'] },
    })
    expect(requests.some(({ path }) => path.endsWith('/task'))).toBe(true)
  })
})

describe('shortcut', () => {
  test('searches stories by weeks of their last change', async () => {
    const data: ShortcutData = {
      stories: made(3, (id) => ({ id: id * 100, updated_at: at2025(2, id * 8) })),
    }
    await expectSource({
      type: 'shortcut',
      config: { api_token: 'kit-secret-shortcut', start_date },
      vendor: shortcut(data),
      streams: [
        ...['members', 'stories', 'epics', 'iterations', 'projects', 'groups', 'labels'],
        ...['categories', 'workflows'],
      ],
      wrong: [{ api_token: 'wrong' }, 'Settings > API Tokens'],
      limited: /search/,
      first: { members: ['m1'], stories: ['100', '200', '300'], epics: ['1'], workflows: ['6'] },
      change: () => data.stories.push({ id: 900, updated_at: at2025(3, 5) }),
      second: { stories: ['300', '900'] },
    })
  })
})
