import { z } from 'zod'
import { anyJson, defineAction, urlPath } from '../../action.ts'
import { noOutput, repository, runId, sha, workflowId } from './fields.ts'
import { statusOutput } from './outputs.ts'
import { githubRequest, ofRepository } from './request.ts'

const run = { ...repository, run_id: runId }

export const dispatchWorkflow = defineAction({
  name: 'dispatchWorkflow',
  title: 'Start a workflow',
  effect: 'create',
  idempotency: 'none',
  input: z.object({
    ...repository,
    workflow_id: workflowId,
    ref: z.string().min(1).meta({ description: 'Branch or tag.' }),
    inputs: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .refine((inputs) => Object.keys(inputs).length <= 25, 'must have at most 25 inputs')
      .exactOptional(),
    return_run_details: z.boolean().exactOptional().meta({
      description: 'True: the output has the id of the run.',
    }),
  }),
  output: z.looseObject({
    workflow_run_id: z.int().exactOptional(),
    run_url: z.string().exactOptional(),
    html_url: z.string().exactOptional(),
  }),
  plan: ({ owner, repo, workflow_id: id, ...body }, config) =>
    githubRequest(
      config,
      'POST',
      ofRepository({ owner, repo }, urlPath`/actions/workflows/${id}/dispatches`),
      { body },
    ),
  result: ({ body }) => body ?? {},
})

const rerun = z.object({ ...run, enable_debug_logging: z.boolean().exactOptional() })

export const rerunWorkflow = defineAction({
  name: 'rerunWorkflow',
  title: 'Run all jobs of a workflow run again',
  effect: 'create',
  idempotency: 'none',
  input: rerun,
  output: noOutput,
  plan: ({ owner, repo, run_id: id, ...body }, config) =>
    githubRequest(
      config,
      'POST',
      ofRepository({ owner, repo }, urlPath`/actions/runs/${id}/rerun`),
      {
        body,
      },
    ),
  result: () => ({}),
})

export const rerunFailedJobs = defineAction({
  name: 'rerunFailedJobs',
  title: 'Run the failed jobs of a workflow run again',
  effect: 'create',
  idempotency: 'none',
  input: rerun,
  output: noOutput,
  plan: ({ owner, repo, run_id: id, ...body }, config) =>
    githubRequest(
      config,
      'POST',
      ofRepository({ owner, repo }, urlPath`/actions/runs/${id}/rerun-failed-jobs`),
      { body },
    ),
  result: () => ({}),
})

export const cancelWorkflow = defineAction({
  name: 'cancelWorkflow',
  title: 'Cancel a workflow run',
  effect: 'update',
  // A second call is refused once the run has ended.
  idempotency: 'none',
  input: z.object(run),
  output: noOutput,
  plan: ({ run_id: id, ...place }, config) =>
    githubRequest(config, 'POST', ofRepository(place, urlPath`/actions/runs/${id}/cancel`)),
  result: () => ({}),
})

export const dispatchRepositoryEvent = defineAction({
  name: 'dispatchRepositoryEvent',
  title: 'Send an event that starts workflows of a repository',
  effect: 'create',
  idempotency: 'none',
  input: z.object({
    ...repository,
    event_type: z.string().min(1).max(100),
    client_payload: z
      .record(z.string(), anyJson)
      .refine((payload) => Object.keys(payload).length <= 10, 'must have at most 10 fields')
      .exactOptional(),
  }),
  output: noOutput,
  plan: ({ owner, repo, ...body }, config) =>
    githubRequest(config, 'POST', ofRepository({ owner, repo }, '/dispatches'), { body }),
  result: () => ({}),
})

export const createCommitStatus = defineAction({
  name: 'createCommitStatus',
  title: 'Set a status of a commit',
  effect: 'create',
  idempotency: 'none',
  input: z.object({
    ...repository,
    sha,
    state: z.enum(['error', 'failure', 'pending', 'success']),
    target_url: z.url().nullable().exactOptional(),
    description: z.string().max(140).nullable().exactOptional(),
    context: z.string().min(1).exactOptional().meta({
      description:
        'Distinguishes the statuses of several systems. At most 1,000 statuses a commit and context.',
    }),
  }),
  output: statusOutput,
  plan: ({ owner, repo, sha: commit, ...body }, config) =>
    githubRequest(config, 'POST', ofRepository({ owner, repo }, urlPath`/statuses/${commit}`), {
      body,
    }),
})
