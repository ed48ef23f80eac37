import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import { page, pullNumber, repository, since, slashedPath } from './fields.ts'
import { changedFileOutput, commitOutput, shortCommitOutput } from './outputs.ts'
import { githubRequest, ofRepository, pageOf, pageOutput, segments } from './request.ts'

const person = z.string().min(1).max(320).exactOptional()

export const listCommits = defineAction({
  name: 'listCommits',
  title: 'List commits of a branch or of a file, the newest first, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    ...repository,
    sha: z.string().min(1).exactOptional().meta({
      description: 'Branch, tag or commit to begin at. Default: the default branch.',
    }),
    path: slashedPath.exactOptional().meta({
      description: 'Only commits that change this file or folder.',
    }),
    author: person.meta({ description: 'Login or e-mail address of the author.' }),
    committer: person,
    since: since.since.meta({ description: 'Only commits from then on: `2026-01-01T00:00:00Z`.' }),
    until: since.since.meta({ description: 'Only commits until then.' }),
    ...page,
  }),
  output: pageOutput(shortCommitOutput),
  response: 'list',
  plan: ({ owner, repo, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, '/commits'), { query }),
  result: pageOf,
})

export const getCommit = defineAction({
  name: 'getCommit',
  title: 'Read a commit with the files that it changes',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    ...repository,
    ref: slashedPath.meta({
      description: 'SHA of the commit; or a branch or a tag, for its commit.',
    }),
    ...page,
  }),
  output: commitOutput,
  plan: ({ owner, repo, ref, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, `/commits/${segments(ref)}`), {
      query,
    }),
})

const ofPull = { ...repository, pull_number: pullNumber, ...page }

export const listPullRequestCommits = defineAction({
  name: 'listPullRequestCommits',
  title: 'List the commits of a pull request, at most 250, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object(ofPull),
  output: pageOutput(shortCommitOutput),
  response: 'list',
  plan: ({ owner, repo, pull_number: number, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, urlPath`/pulls/${number}/commits`), {
      query,
    }),
  result: pageOf,
})

export const listPullRequestFiles = defineAction({
  name: 'listPullRequestFiles',
  title: 'List the files that a pull request changes, at most 3,000, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object(ofPull),
  output: pageOutput(changedFileOutput),
  response: 'list',
  plan: ({ owner, repo, pull_number: number, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, urlPath`/pulls/${number}/files`), {
      query,
    }),
  result: pageOf,
})
