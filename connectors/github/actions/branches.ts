import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { branch, noOutput, repository, sha } from './fields.ts'
import { refOutput } from './outputs.ts'
import { githubRequest, ofRepository, segments } from './request.ts'

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
