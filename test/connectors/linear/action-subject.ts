import type { ActionSubject } from '../action-contract.ts'

const object = { id: 'id-1', identifier: 'ENG-1', url: 'https://linear.app', body: '', name: '' }
const payload = { ...object, success: true, nodes: [] }

const operations = [
  'issueCreate',
  'issueUpdate',
  'issueArchive',
  'issueUnarchive',
  'issueAddLabel',
  'issueRemoveLabel',
  'issue',
  'commentCreate',
  'commentUpdate',
  'commentDelete',
  'projectCreate',
  'projectUpdate',
  'attachmentCreate',
  'issueLabelCreate',
  'teams',
  'users',
  'workflowStates',
  'issueLabels',
  'searchIssues',
]

export const linearSubject: ActionSubject = {
  configOf: (url, secret) => ({ api_url: url, api_key: secret }),
  succeed: () => ({
    body: { data: Object.fromEntries(operations.map((name) => [name, payload])) },
    headers: { 'x-request-id': 'req-1' },
  }),
  samples: {
    createIssue: {
      teamId: 'team-1',
      title: 'Łukasz "quotes"',
      description: '# Title\n',
      priority: 2,
      dueDate: '2026-03-01',
      createdAt: '2026-01-01T00:00:00Z',
    },
    updateIssue: { id: 'ENG-1', assigneeId: null, estimate: 3, addedLabelIds: ['label-1'] },
    archiveIssue: { id: 'ENG-1', trash: true },
    unarchiveIssue: { id: 'ENG-1' },
    addLabel: { id: 'ENG-1', labelId: 'label-1' },
    removeLabel: { id: 'ENG-1', labelId: 'label-1' },
    getIssue: { id: 'ENG-1' },
    searchIssues: { term: 'broken', first: 10, teamId: 'team-1', includeComments: true },
    createComment: { issueId: 'ENG-1', body: 'Seen' },
    updateComment: { id: 'comment-1', resolvingUserId: null },
    deleteComment: { id: 'comment-1' },
    createProject: { name: 'Plan', teamIds: ['team-1'], color: '#00ff00' },
    updateProject: { id: 'project-1', targetDate: null, content: 'Text' },
    createLabel: { name: 'bug', teamId: 'team-1', color: '#ff0000', description: null },
    listTeams: { first: 250, after: 'team-1', orderBy: 'updatedAt' },
    listUsers: { includeDisabled: true, filter: { email: { eq: 'ada@acme.example' } } },
    listWorkflowStates: { filter: { team: { id: { eq: 'team-1' } } } },
    listLabels: { filter: { or: [{ name: { eq: 'bug' } }] }, includeArchived: false },
    createAttachment: { issueId: 'ENG-1', title: 'Build', url: 'https://ci.example/1?a=b' },
  },
}
