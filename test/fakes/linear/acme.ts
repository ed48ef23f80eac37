import type { LinearData } from './linear-data.ts'

/** A moment of a day of January 2026. */
export function on(day: number, minute = 0): string {
  return new Date(Date.UTC(2026, 0, day, 0, minute)).toISOString()
}

/** A team with 230 issues, one of them in the archive, and some of everything else. */
export function fillAcme(data: LinearData): void {
  data.add('teams', { id: 'team-1', key: 'ENG', name: 'Engineering', createdAt: on(1) })
  data.add('users', { id: 'user-1', name: 'Ada', active: true, createdAt: on(1) })
  data.add('users', { id: 'user-2', name: 'Gone', active: false, createdAt: on(1) })
  data.add('workflowStates', { id: 'state-1', name: 'Todo', type: 'unstarted', createdAt: on(1) })
  data.add('issueLabels', { id: 'label-1', name: 'bug', createdAt: on(1) })
  data.add('cycles', { id: 'cycle-1', number: 1, createdAt: on(2), startsAt: on(2), endsAt: on(9) })
  data.add('projects', { id: 'project-1', name: 'Launch', createdAt: on(2), archivedAt: on(3) })
  for (let number = 1; number <= 230; number += 1)
    data.add('issues', {
      id: `issue-${String(number).padStart(3, '0')}`,
      identifier: `ENG-${String(number)}`,
      number,
      title: `Issue ${String(number)}`,
      createdAt: on(4, number),
      team: { id: 'team-1', key: 'ENG' },
      ...(number === 7 && { archivedAt: on(5) }),
    })
  data.add('comments', { id: 'comment-1', body: 'Hi', issueId: 'issue-001', createdAt: on(6) })
  data.add('attachments', {
    id: 'attachment-1',
    url: 'https://ci.example/1',
    issue: { id: 'issue-001' },
    createdAt: on(6),
  })
  data.add('projectMilestones', {
    id: 'milestone-1',
    name: 'Beta',
    project: { id: 'project-1' },
    createdAt: on(6),
  })
  data.add('issueRelations', {
    id: 'relation-1',
    type: 'blocks',
    issue: { id: 'issue-001' },
    relatedIssue: { id: 'issue-002' },
    createdAt: on(6),
  })
}
