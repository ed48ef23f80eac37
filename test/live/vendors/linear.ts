import { textAt, valueAt } from '../action-session.ts'
import type { ActionSession } from '../action-session.ts'
import type { LiveVendor, Sequence } from '../live-vendor.ts'

async function firstTeam(session: ActionSession): Promise<string> {
  return textAt(await session.call('listTeams', { first: 1 }), 'nodes', 0, 'id')
}

const issues: Sequence = {
  title: 'an issue',
  run: async (session) => {
    const teamId = await firstTeam(session)
    const input = { teamId, title: session.name, description: '# Grüße' }
    const id = textAt(await session.call('createIssue', input), 'issue', 'id')
    session.cleanUp('archiveIssue', { id, trash: true })
    await session.call('getIssue', { id }, { shows: { title: session.name } })
    const title = `${session.name} changed`
    const updated = await session.call('updateIssue', { id, title, priority: 4 })
    if (valueAt(updated, 'issue', 'title') !== title) throw new Error('the title is the old one')
    await session.call('searchIssues', { term: session.name, first: 1 })
    const url = `https://example.com/${session.name}`
    await session.call('createAttachment', { issueId: id, title, url })
    const commented = await session.call('createComment', { issueId: id, body: 'Seen' })
    const comment = textAt(commented, 'comment', 'id')
    session.cleanUp('deleteComment', { id: comment })
    await session.call('updateComment', { id: comment, body: 'Done' })
    await session.call('archiveIssue', { id })
    await session.call('unarchiveIssue', { id })
  },
}

const relations: Sequence = {
  title: 'two issues that are related',
  run: async (session) => {
    const teamId = await firstTeam(session)
    const ids: string[] = []
    for (const title of [`${session.name} one`, `${session.name} two`]) {
      const id = textAt(await session.call('createIssue', { teamId, title }), 'issue', 'id')
      session.cleanUp('archiveIssue', { id, trash: true })
      ids.push(id)
    }
    const [issueId = '', relatedIssueId = ''] = ids
    const input = { issueId, relatedIssueId, type: 'blocks' }
    const made = await session.call('createIssueRelation', input)
    await session.call('deleteIssueRelation', { id: textAt(made, 'issueRelation', 'id') })
  },
}

const labels: Sequence = {
  title: 'a label',
  leaves: 'a label of the first team',
  run: async (session) => {
    const teamId = await firstTeam(session)
    const made = await session.call('createLabel', { name: session.name, teamId })
    const labelId = textAt(made, 'issueLabel', 'id')
    const input = { teamId, title: session.name }
    const id = textAt(await session.call('createIssue', input), 'issue', 'id')
    session.cleanUp('archiveIssue', { id, trash: true })
    await session.call('addLabel', { id, labelId })
    await session.call('removeLabel', { id, labelId })
  },
}

const projects: Sequence = {
  title: 'a project',
  leaves: 'a project of the first team',
  run: async (session) => {
    const teamId = await firstTeam(session)
    const made = await session.call('createProject', { name: session.name, teamIds: [teamId] })
    const id = textAt(made, 'project', 'id')
    const updated = await session.call('updateProject', { id, description: 'changed' })
    if (valueAt(updated, 'project', 'description') !== 'changed')
      throw new Error('the description is the old one')
  },
}

const lists: Sequence = {
  title: 'lists',
  run: async (session) => {
    for (const action of ['listUsers', 'listWorkflowStates', 'listLabels'])
      if (!Array.isArray((await session.call(action, { first: 5 })).nodes))
        throw new Error(`${action} has no list`)
  },
}

export const linear: LiveVendor = {
  type: 'linear',
  variables: ['LIVE_LINEAR_KEY'],
  refusal: () => undefined,
  configOf: ({ LIVE_LINEAR_KEY: key = '' }) => ({ api_key: key }),
  withWrongKey: (config) => ({ ...config, api_key: 'lin_api_not_a_key' }),
  apiUrl: 'https://api.linear.app',
  probe: () => ({ action: 'listTeams', input: { first: 1 } }),
  // lookback_window of the manifest.
  overlapSeconds: () => 300,
  sequences: [issues, relations, lists, labels, projects],
  untried: {},
}
