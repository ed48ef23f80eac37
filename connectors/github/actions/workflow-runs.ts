import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import { branch, foundPage, login, repository, runId, sha, workflowId } from './fields.ts'
import { githubRequest, nextPageField, ofRepository, withNextPage } from './request.ts'

const excluded = {
  exclude_pull_requests: z.boolean().exactOptional().meta({
    description: 'True: `pull_requests` of the output is empty.',
  }),
}
const runOutput = z.looseObject({
  id: z.int(),
  html_url: z.string(),
  status: z.string().nullable(),
  conclusion: z.string().nullable(),
})
const statuses = [
  ...['completed', 'action_required', 'cancelled', 'failure', 'neutral', 'skipped', 'stale'],
  ...['success', 'timed_out', 'in_progress', 'queued', 'requested', 'waiting', 'pending'],
]

export const getWorkflowRun = defineAction({
  name: 'getWorkflowRun',
  title: 'Read a workflow run',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ ...repository, run_id: runId, ...excluded }),
  output: runOutput,
  plan: ({ owner, repo, run_id: id, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, urlPath`/actions/runs/${id}`), {
      query,
    }),
})

export const listWorkflowRuns = defineAction({
  name: 'listWorkflowRuns',
  title: 'List workflow runs, the newest first, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    ...repository,
    workflow_id: workflowId.exactOptional(),
    actor: login.exactOptional().meta({ description: 'Login of who started them.' }),
    branch: branch.exactOptional(),
    event: z.string().min(1).exactOptional().meta({ description: 'Such as `push`.' }),
    status: z.enum(statuses).exactOptional().meta({ description: 'A status or a conclusion.' }),
    created: z.string().min(1).exactOptional().meta({
      description: 'A time, or a range: `>=2026-01-01`.',
    }),
    head_sha: sha.exactOptional(),
    check_suite_id: z.int().min(1).exactOptional(),
    ...excluded,
    ...foundPage,
  }),
  output: z.looseObject({
    total_count: z.int(),
    workflow_runs: z.array(runOutput),
    next_page: nextPageField,
  }),
  plan: ({ owner, repo, workflow_id: id, ...query }, config) => {
    const path = id === undefined ? '/actions/runs' : urlPath`/actions/workflows/${id}/runs`
    return githubRequest(config, 'GET', ofRepository({ owner, repo }, path), { query })
  },
  result: withNextPage,
})
