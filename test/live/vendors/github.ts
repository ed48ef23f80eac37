import { setTimeout } from 'node:timers/promises'
import type { JsonObject } from '../../../protocol/index.ts'
import { numberAt, textAt, valueAt, type ActionSession } from '../action-session.ts'
import type { LiveEnvironment, LiveVendor, Sequence } from '../live-vendor.ts'

const day = 86_400

interface Place extends JsonObject {
  readonly owner: string
  readonly repo: string
}

function placeOf({ LIVE_GITHUB_REPOSITORY: name = '' }: LiveEnvironment): Place {
  const [owner = '', repo = ''] = name.split('/')
  return { owner, repo }
}

const issues: Sequence = {
  title: 'an issue',
  run: async (session, environment) => {
    const place = placeOf(environment)
    const { name } = session
    await session.call('createLabel', { ...place, name, color: 'ff0000' })
    const label = `${name}-new`
    session.cleanUp('deleteLabel', { ...place, name: label })
    await session.call('updateLabel', { ...place, name, new_name: label })
    const made = await session.call('createMilestone', { ...place, title: name })
    const milestone = numberAt(made, 'number')
    session.cleanUp('deleteMilestone', { ...place, milestone_number: milestone })
    const description = 'changed'
    await session.call('updateMilestone', { ...place, milestone_number: milestone, description })
    const created = await session.call('createIssue', { ...place, title: name, body: 'Grüße' })
    const issue = { ...place, issue_number: numberAt(created, 'number') }
    // GitHub deletes no issue.
    session.cleanUp('updateIssue', { ...issue, state: 'closed', milestone: null })
    await session.call('getIssue', issue, { shows: { title: name, state: 'open' } })
    const title = `${name} changed`
    await session.call('updateIssue', { ...issue, title, milestone }, { shows: { title } })
    const author = [textAt(created, 'user', 'login')]
    await session.call('addAssignees', { ...issue, assignees: author })
    await session.call('removeAssignees', { ...issue, assignees: author })
    await session.call('addLabels', { ...issue, labels: [label] })
    await session.call('removeLabel', { ...issue, name: label })
    await session.call('setLabels', { ...issue, labels: [label] })
    await session.call('removeAllLabels', issue)
    const comment = await session.call('createComment', { ...issue, body: 'Seen' })
    const ofComment = { ...place, comment_id: numberAt(comment, 'id') }
    session.cleanUp('deleteComment', ofComment)
    await session.call('updateComment', { ...ofComment, body: 'Done' }, { shows: { body: 'Done' } })
    await session.call('listComments', issue)
    await session.call('listIssues', { ...place, state: 'all', per_page: 1 })
    const q = `repo:${place.owner}/${place.repo} is:issue`
    await session.call('searchIssues', { q, per_page: 1 })
    await session.call('lockIssue', issue)
    await session.call('unlockIssue', issue)
  },
}

/**
 * Two branches that begin at the default branch, and a file on each: nothing of this reaches the default
 * branch.
 */
async function twoBranches(session: ActionSession, place: Place, title: string) {
  const branch = textAt(await session.call('getRepository', place), 'default_branch')
  const start = await session.call('getBranch', { ...place, branch })
  const sha = textAt(start, 'object', 'sha')
  const base = `${session.name}-${title}-base`
  const head = `${session.name}-${title}`
  for (const branch of [base, head]) {
    await session.call('createBranch', { ...place, branch, sha })
    session.cleanUp('deleteBranch', { ...place, branch })
    await session.call('createOrUpdateFile', {
      ...place,
      path: `${branch}.md`,
      content: Buffer.from('Grüße\n').toString('base64'),
      message: branch,
      branch,
    })
  }
  const opened = await session.call('createPullRequest', { ...place, title: head, head, base })
  return { sha, base, head, pull: { ...place, pull_number: numberAt(opened, 'number') } }
}

const reviewed: Sequence = {
  title: 'a pull request that is reviewed and closed',
  run: async (session, environment) => {
    const place = placeOf(environment)
    const { sha, base, head, pull } = await twoBranches(session, place, 'closed')
    session.cleanUp('updatePullRequest', { ...pull, state: 'closed' })
    await session.call('listPullRequests', { ...place, per_page: 1 })
    const shown = await session.call('getPullRequest', pull, { shows: { title: head } })
    const commit = textAt(shown, 'head', 'sha')
    await session.call('createCommitStatus', { ...place, sha: commit, state: 'success' })
    const path = `${head}.md`
    const line = { path, line: 1, side: 'RIGHT', commit_id: commit, body: 'Why?' }
    await session.call('createReviewComment', { ...pull, ...line })
    const review = numberAt(await session.call('createReview', { ...pull, body: 'Draft' }), 'id')
    const submitted = { ...pull, review_id: review, event: 'COMMENT', body: 'Good' }
    await session.call('submitReview', submitted, { shows: { state: 'COMMENTED' } })
    await session.call('updatePullRequestBranch', pull)
    const file = await session.call('getFile', { ...place, path: `${base}.md`, ref: base })
    const old = { ...place, path: `${base}.md`, sha: textAt(file, 'sha') }
    await session.call('deleteFile', { ...old, message: 'Delete it', branch: base })
    await session.call('moveBranch', { ...place, branch: base, sha, force: true })
  },
}

const merged: Sequence = {
  title: 'a pull request that is merged into a branch of its own',
  run: async (session, environment) => {
    const { pull } = await twoBranches(session, placeOf(environment), 'merged')
    await untilMergeable(session, pull)
    await session.call(
      'mergePullRequest',
      { ...pull, merge_method: 'squash' },
      {
        shows: { merged: true },
      },
    )
  },
}

/** GitHub needs a moment to find out; the simulator knows at once, and does not say. */
async function untilMergeable(session: ActionSession, pull: Place & { pull_number: number }) {
  for (let tries = 0; tries < 10; tries += 1) {
    const shown = await session.call('getPullRequest', pull)
    if (!('mergeable' in shown) || valueAt(shown, 'mergeable') === true) return
    await setTimeout(1_000)
  }
}

const releases: Sequence = {
  title: 'a draft of a release',
  run: async (session, environment) => {
    const place = placeOf(environment)
    const draft = { ...place, tag_name: session.name, name: session.name, draft: true }
    const release = {
      ...place,
      release_id: numberAt(await session.call('createRelease', draft), 'id'),
    }
    session.cleanUp('deleteRelease', release)
    await session.call(
      'updateRelease',
      { ...release, body: 'changed' },
      { shows: { body: 'changed' } },
    )
  },
}

const workflows: Sequence = {
  title: 'workflows',
  run: async (session, environment) => {
    const place = placeOf(environment)
    await session.call('listWorkflowRuns', { ...place, per_page: 1 })
    // No workflow waits for an event of this name.
    await session.call('dispatchRepositoryEvent', { ...place, event_type: session.name })
  },
}

const ownWork = 'it starts or stops work of the repository'

export const github: LiveVendor = {
  type: 'github',
  variables: ['LIVE_GITHUB_TOKEN', 'LIVE_GITHUB_REPOSITORY'],
  refusal: ({ LIVE_GITHUB_REPOSITORY: name = '' }) =>
    /^[\w.-]+\/[\w.-]*(?:test|sandbox)[\w.-]*$/i.test(name)
      ? undefined
      : 'LIVE_GITHUB_REPOSITORY is no repository that is named for tests. Set it to OWNER/NAME, where NAME has "test" or "sandbox" in it.',
  configOf: ({ LIVE_GITHUB_TOKEN: token = '', LIVE_GITHUB_REPOSITORY: name = '' }) => ({
    access_token: token,
    repositories: [name],
  }),
  withWrongKey: (config) => ({ ...config, access_token: 'ghp_not_a_token' }),
  apiUrl: 'https://api.github.com',
  probe: (environment) => ({ action: 'getRepository', input: { ...placeOf(environment) } }),
  // The largest lookback_window of the manifest: commits_lookback_days.
  overlapSeconds: (stream) => (stream === 'commits' ? 30 * day : day),
  sequences: [issues, reviewed, merged, releases, workflows],
  untried: {
    requestReviewers: 'it asks a person for a review',
    removeRequestedReviewers: 'it needs a person who was asked for a review',
    dispatchWorkflow: ownWork,
    rerunWorkflow: ownWork,
    rerunFailedJobs: ownWork,
    cancelWorkflow: ownWork,
  },
}
