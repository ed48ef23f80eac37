import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { branch, noOutput, page, repository, sha } from './fields.ts'
import { refOutput, shortBranchOutput, tagOutput } from './outputs.ts'
import { githubRequest, ofRepository, pageOf, pageOutput, segments } from './request.ts'

const ofBranch = { ...repository, branch }

export const getBranch = defineAction({
  name: 'getBranch',
  title: 'Read which commit a branch is at',
  effect: 'read',
  idempotency: 'natural',
  input: z.object(ofBranch),
  output: refOutput,
  plan: ({ branch: name, ...place }, config) =>
    githubRequest(config, 'GET', ofRepository(place, `/git/ref/heads/${segments(name)}`)),
})

export const listBranches = defineAction({
  name: 'listBranches',
  title: 'List branches with their commits, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    ...repository,
    protected: z.boolean().exactOptional().meta({
      description: 'True: only protected ones; false: only others.',
    }),
    ...page,
  }),
  output: pageOutput(shortBranchOutput),
  response: 'list',
  plan: ({ owner, repo, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, '/branches'), { query }),
  result: pageOf,
})

export const listTags = defineAction({
  name: 'listTags',
  title: 'List tags with their commits, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ ...repository, ...page }),
  output: pageOutput(tagOutput),
  response: 'list',
  plan: ({ owner, repo, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, '/tags'), { query }),
  result: pageOf,
})

export const createBranch = defineAction({
  name: 'createBranch',
  title: 'Create a branch at a commit',
  effect: 'create',
  // A second call is refused: the branch is there.
  idempotency: 'none',
  input: z.object({ ...ofBranch, sha }),
  output: refOutput,
  plan: ({ branch: name, sha: commit, ...place }, config) =>
    githubRequest(config, 'POST', ofRepository(place, '/git/refs'), {
      body: { ref: `refs/heads/${name}`, sha: commit },
    }),
})

export const moveBranch = defineAction({
  name: 'moveBranch',
  title: 'Move a branch to another commit',
  effect: 'update',
  idempotency: 'natural',
  // Commits may be lost if `force` is true.
  requiresConfirmation: true,
  input: z.object({
    ...ofBranch,
    sha,
    force: z.boolean().exactOptional().meta({
      description:
        'True: also to a commit that does not follow the present one. Commits may be lost.',
    }),
  }),
  output: refOutput,
  plan: ({ owner, repo, branch: name, ...body }, config) =>
    githubRequest(
      config,
      'PATCH',
      ofRepository({ owner, repo }, `/git/refs/heads/${segments(name)}`),
      { body },
    ),
})

export const deleteBranch = defineAction({
  name: 'deleteBranch',
  title: 'Delete a branch',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object(ofBranch),
  output: noOutput,
  plan: ({ branch: name, ...place }, config) =>
    githubRequest(config, 'DELETE', ofRepository(place, `/git/refs/heads/${segments(name)}`)),
  result: () => ({}),
})
