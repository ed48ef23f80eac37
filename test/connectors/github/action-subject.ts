import type { ActionSubject } from '../action-contract.ts'

const place = { owner: 'acme', repo: 'shop' }
const issue = { ...place, issue_number: 7 }
const pull = { ...place, pull_number: 8 }
const sha = '0123456789abcdef0123456789abcdef01234567'
const line = { path: 'src/a b.ts', line: 12, side: 'RIGHT', start_line: 10, start_side: 'RIGHT' }
const commit = {
  message: 'Write it',
  branch: 'feature/x',
  author: { name: 'Ada', email: 'ada@acme.example' },
}
const release = { name: 'One', body: 'It *works*.', draft: true, make_latest: 'true' }

/** All fields of each action that may stand together. */
export const samples: ActionSubject['samples'] = {
  getIssue: issue,
  listIssues: {
    ...place,
    state: 'all',
    labels: 'bug,help wanted',
    assignee: '*',
    creator: 'ada',
    mentioned: 'bob',
    milestone: 'none',
    type: 'Bug',
    since: '2026-01-01T00:00:00Z',
    sort: 'comments',
    direction: 'asc',
    after: 'Y3Vyc29yOnYyOpHPAAAB',
    per_page: 10,
    page: 2,
  },
  searchIssues: {
    q: 'repo:acme/shop is:issue',
    sort: 'updated',
    order: 'desc',
    per_page: 10,
    page: 2,
  },
  createIssue: {
    ...place,
    title: 'It breaks: 100 %',
    body: 'Łatwo',
    assignees: ['ada'],
    labels: ['bug'],
    milestone: 1,
    type: 'Bug',
  },
  updateIssue: {
    ...issue,
    title: 'New',
    state: 'closed',
    state_reason: 'completed',
    milestone: null,
  },
  lockIssue: { ...issue, lock_reason: 'too heated' },
  unlockIssue: issue,
  addAssignees: { ...issue, assignees: ['ada', 'bob'] },
  removeAssignees: { ...issue, assignees: ['ada'] },
  listComments: { ...issue, since: '2026-01-01T00:00:00+01:00', per_page: 100, page: 3 },
  createComment: { ...issue, body: 'Seen.' },
  updateComment: { ...place, comment_id: 5, body: 'Fixed.' },
  deleteComment: { ...place, comment_id: 5 },
  addLabels: { ...issue, labels: ['bug', 'help wanted'] },
  setLabels: { ...issue, labels: ['bug'] },
  removeLabel: { ...issue, name: 'area/api?' },
  removeAllLabels: issue,
  listLabels: { ...place, per_page: 2, page: 3 },
  createLabel: { ...place, name: 'bug', color: 'ff0000', description: 'It is wrong.' },
  updateLabel: { ...place, name: 'area/api?', new_name: 'api', color: '00ff00' },
  deleteLabel: { ...place, name: 'bug' },
  createMilestone: { ...place, title: '1.0', state: 'open', due_on: '2026-01-01T00:00:00Z' },
  updateMilestone: { ...place, milestone_number: 3, state: 'closed', description: 'Done.' },
  deleteMilestone: { ...place, milestone_number: 3 },
  getPullRequest: pull,
  listPullRequests: {
    ...place,
    state: 'closed',
    head: 'acme:feature/x',
    base: 'main',
    sort: 'long-running',
    direction: 'desc',
    per_page: 1,
    page: 1,
  },
  listPullRequestCommits: { ...pull, per_page: 2, page: 3 },
  listPullRequestFiles: { ...pull, per_page: 2, page: 3 },
  createPullRequest: {
    ...place,
    title: 'Mend it',
    head: 'fork:feature/x',
    base: 'main',
    head_repo: 'shop-fork',
    body: 'Fixes #7',
    draft: true,
    maintainer_can_modify: false,
  },
  updatePullRequest: { ...pull, title: 'Mend', state: 'closed', base: 'main', body: 'No.' },
  mergePullRequest: {
    ...pull,
    sha,
    merge_method: 'squash',
    commit_title: 'Mend it (#8)',
    commit_message: 'All of it.',
  },
  updatePullRequestBranch: { ...pull, expected_head_sha: sha },
  requestReviewers: { ...pull, reviewers: ['bob'], team_reviewers: ['makers'] },
  removeRequestedReviewers: { ...pull, reviewers: ['bob'], team_reviewers: ['makers'] },
  listReviews: { ...pull, per_page: 2, page: 3 },
  createReview: {
    ...pull,
    event: 'REQUEST_CHANGES',
    body: 'Almost.',
    commit_id: sha,
    comments: [{ ...line, body: 'Why?' }],
  },
  submitReview: { ...pull, review_id: 6, event: 'APPROVE', body: 'Good.' },
  createReviewComment: { ...pull, ...line, body: 'Why?', commit_id: sha, subject_type: 'line' },
  getRelease: { ...place, tag: 'v1/beta 2' },
  listReleases: { ...place, per_page: 2, page: 3 },
  createRelease: {
    ...place,
    tag_name: 'v1',
    target_commitish: 'main',
    ...release,
    generate_release_notes: true,
  },
  updateRelease: { ...place, release_id: 9, tag_name: 'v1', ...release, prerelease: false },
  deleteRelease: { ...place, release_id: 9 },
  listWorkflowRuns: {
    ...place,
    workflow_id: 'main.yml',
    actor: 'ada',
    branch: 'feature/x',
    event: 'push',
    status: 'failure',
    created: '>=2026-01-01',
    head_sha: sha,
    check_suite_id: 7,
    exclude_pull_requests: true,
    per_page: 100,
    page: 2,
  },
  getWorkflowRun: { ...place, run_id: 10, exclude_pull_requests: true },
  dispatchWorkflow: {
    ...place,
    workflow_id: 'main.yml',
    ref: 'main',
    inputs: { level: 'high', dry: true },
    return_run_details: true,
  },
  rerunWorkflow: { ...place, run_id: 10, enable_debug_logging: true },
  rerunFailedJobs: { ...place, run_id: 10 },
  cancelWorkflow: { ...place, run_id: 10 },
  dispatchRepositoryEvent: { ...place, event_type: 'deploy', client_payload: { to: 'test' } },
  createCommitStatus: {
    ...place,
    sha,
    state: 'success',
    target_url: 'https://ci.acme.example/1',
    description: 'All green',
    context: 'ci/acme',
  },
  getRepository: place,
  listRepositories: {
    org: 'acme',
    type: 'sources',
    sort: 'full_name',
    direction: 'asc',
    per_page: 2,
    page: 3,
  },
  listCommits: {
    ...place,
    sha: 'feature/x',
    path: 'docs/a b.md',
    author: 'ada',
    committer: 'ada@acme.example',
    since: '2026-01-01T00:00:00Z',
    until: '2026-02-01T00:00:00Z',
    per_page: 2,
    page: 3,
  },
  getCommit: { ...place, ref: 'feature/x', per_page: 2, page: 3 },
  getFile: { ...place, path: 'docs/a b#1.md', ref: 'feature/x' },
  createOrUpdateFile: { ...place, path: 'docs/a b.md', content: 'aGk=', sha, ...commit },
  deleteFile: { ...place, path: 'docs/a b.md', sha, ...commit },
  getBranch: { ...place, branch: 'feature/x' },
  listBranches: { ...place, protected: true, per_page: 2, page: 3 },
  listTags: { ...place, per_page: 2, page: 3 },
  createBranch: { ...place, branch: 'feature/x', sha },
  moveBranch: { ...place, branch: 'feature/x', sha, force: true },
  deleteBranch: { ...place, branch: 'feature/x' },
}

/** An object with the fields of all results. */
const object = {
  id: 1,
  number: 7,
  ref: 'refs/heads/x',
  merged: true,
  message: '',
  commit: {},
  type: 'file',
  total_count: 0,
}

const listed =
  /\/(?:issues|pulls|comments|labels|commits|files|reviews|releases|repos|branches|tags)\?/

/** A bare list. GitHub responds with the labels of an issue, but not if none is left. */
function isList(method: string, url: string): boolean {
  if (method === 'GET') return listed.test(url) && !url.startsWith('/search')
  return method === 'DELETE' ? url.includes('/7/labels/') : url.endsWith('/7/labels')
}

export const githubSubject: ActionSubject = {
  configOf: (url, secret) => ({
    api_url: `${url}/`,
    access_token: secret,
    repositories: ['acme/shop'],
  }),
  succeed: ({ method, url }) => ({
    body: isList(method, url) ? [{ name: 'bug' }] : object,
    headers: { 'x-github-request-id': 'C0FF:EE' },
  }),
  samples,
}
