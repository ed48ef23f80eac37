import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import {
  branch,
  direction,
  issueNumber,
  page,
  pullNumber,
  repository,
  sha,
  state,
  text,
} from './fields.ts'
import { pullOutput, shortPullOutput } from './outputs.ts'
import { githubRequest, ofRepository, pageOf, pageOutput } from './request.ts'

const pull = { ...repository, pull_number: pullNumber }
const title = z.string().min(1).max(256)
const pullFields = {
  body: text.exactOptional().meta({ description: 'Markdown.' }),
  maintainer_can_modify: z.boolean().exactOptional(),
}

export const getPullRequest = defineAction({
  name: 'getPullRequest',
  title: 'Read a pull request',
  effect: 'read',
  idempotency: 'natural',
  input: z.object(pull),
  output: pullOutput,
  plan: ({ pull_number: number, ...place }, config) =>
    githubRequest(config, 'GET', ofRepository(place, urlPath`/pulls/${number}`)),
})

export const listPullRequests = defineAction({
  name: 'listPullRequests',
  title: 'List pull requests, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    ...repository,
    ...state,
    head: z.string().min(1).exactOptional().meta({
      description: 'Branch with the changes, with its owner: `acme:feature/x`.',
    }),
    base: branch.exactOptional().meta({
      description: 'Branch that the changes are to go into.',
    }),
    sort: z.enum(['created', 'updated', 'popularity', 'long-running']).exactOptional().meta({
      description: 'Default: created.',
    }),
    ...direction,
    ...page,
  }),
  output: pageOutput(shortPullOutput),
  response: 'list',
  plan: ({ owner, repo, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, '/pulls'), { query }),
  result: pageOf,
})

export const createPullRequest = defineAction({
  name: 'createPullRequest',
  title: 'Open a pull request',
  effect: 'create',
  idempotency: 'none',
  input: z
    .object({
      ...repository,
      title: title.exactOptional(),
      issue: issueNumber.exactOptional().meta({
        description: 'Number of the issue that becomes the pull request, in the place of a title.',
      }),
      head: z.string().min(1).meta({
        description: 'Branch with the changes; of a fork `owner:branch`.',
      }),
      base: branch.meta({ description: 'Branch that the changes are to go into.' }),
      head_repo: z.string().exactOptional().meta({
        description: 'Name of the repository of `head`, if one organization owns both.',
      }),
      draft: z.boolean().exactOptional(),
      ...pullFields,
    })
    .refine(
      (input) => (input.title === undefined) !== (input.issue === undefined),
      'give either title or issue',
    ),
  output: pullOutput,
  plan: ({ owner, repo, ...body }, config) =>
    githubRequest(config, 'POST', ofRepository({ owner, repo }, '/pulls'), { body }),
})

export const updatePullRequest = defineAction({
  name: 'updatePullRequest',
  title: 'Change, close or reopen a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({
    ...pull,
    title: title.exactOptional(),
    state: z.enum(['open', 'closed']).exactOptional(),
    base: branch.exactOptional(),
    ...pullFields,
  }),
  output: pullOutput,
  plan: ({ owner, repo, pull_number: number, ...body }, config) =>
    githubRequest(config, 'PATCH', ofRepository({ owner, repo }, urlPath`/pulls/${number}`), {
      body,
    }),
})

export const mergePullRequest = defineAction({
  name: 'mergePullRequest',
  title: 'Merge a pull request',
  effect: 'update',
  // A second merge is refused: nothing is merged twice, but the refusal does not say that it was merged.
  idempotency: 'none',
  // A merge cannot be taken back, and often deploys.
  requiresConfirmation: true,
  input: z.object({
    ...pull,
    sha: sha.exactOptional().meta({
      description:
        'The last commit of the pull request as you know it: it is merged only if there is none after it.',
    }),
    merge_method: z.enum(['merge', 'squash', 'rebase']).exactOptional(),
    commit_title: z.string().exactOptional(),
    commit_message: z.string().exactOptional(),
  }),
  output: z.looseObject({ sha: z.string(), merged: z.boolean(), message: z.string() }),
  plan: ({ owner, repo, pull_number: number, ...body }, config) =>
    githubRequest(config, 'PUT', ofRepository({ owner, repo }, urlPath`/pulls/${number}/merge`), {
      body,
    }),
})

export const updatePullRequestBranch = defineAction({
  name: 'updatePullRequestBranch',
  title: 'Merge the base branch into the branch of a pull request',
  effect: 'update',
  // A second call is refused: there is nothing new to merge.
  idempotency: 'none',
  input: z.object({ ...pull, expected_head_sha: sha.exactOptional() }),
  output: z.looseObject({ message: z.string(), url: z.string().exactOptional() }),
  plan: ({ owner, repo, pull_number: number, ...body }, config) =>
    githubRequest(
      config,
      'PUT',
      ofRepository({ owner, repo }, urlPath`/pulls/${number}/update-branch`),
      { body },
    ),
})
