import type { WebhookDescriptor } from '../connector.ts'

/**
 * https://docs.github.com/webhooks: the signature covers the body and no time, so only the id of the delivery
 * identifies a repetition. GitHub repeats a delivery on request, with the same id, for three days.
 */
export const githubWebhooks: readonly WebhookDescriptor[] = [
  {
    name: 'events',
    title: 'Events of a repository, an organization or an App',
    signature: {
      header: 'x-hub-signature-256',
      algorithm: 'sha256',
      encoding: 'hex',
      form: 'one',
      prefix: 'sha256=',
      signed: '{body}',
      timestamp: null,
      idHeader: null,
      secret: 'text',
    },
    replayWindowMs: 259_200_000,
    eventId: 'header:x-github-delivery',
    eventType: 'header:x-github-event',
    secretFrom: 'user',
    // A webhook that was left at GitHub's default content type.
    formField: 'payload',
    refreshes: {
      branch_protection_rule: 'branches',
      commit_comment: 'commit_comments',
      create: 'branches',
      delete: 'branches',
      deployment: 'deployments',
      issue_comment: 'issue_comments',
      issues: 'issues',
      label: 'labels',
      member: 'collaborators',
      membership: 'team_members',
      milestone: 'milestones',
      organization: 'members',
      pull_request: 'pull_requests',
      pull_request_review: 'reviews',
      pull_request_review_comment: 'review_comments',
      push: 'commits',
      release: 'releases',
      repository: 'repositories',
      star: 'stargazers',
      team: 'teams',
      workflow_job: 'workflow_jobs',
      workflow_run: 'workflow_runs',
    },
    handshakes: [{ when: { at: 'header:x-github-event', is: 'ping' }, answer: {} }],
  },
]
