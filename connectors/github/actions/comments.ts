import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import { issueNumber, noOutput, page, positive, repository, requiredText, since } from './fields.ts'
import { commentOutput } from './outputs.ts'
import { githubRequest, ofRepository, pageOf, pageOutput } from './request.ts'

const comment = {
  ...repository,
  comment_id: positive.meta({ description: 'Id of a comment of an issue or a pull request.' }),
}

export const listComments = defineAction({
  name: 'listComments',
  title: 'List the comments of an issue or a pull request, the oldest first, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ ...repository, issue_number: issueNumber, ...since, ...page }),
  output: pageOutput(commentOutput),
  response: 'list',
  plan: ({ owner, repo, issue_number: number, ...query }, config) =>
    githubRequest(
      config,
      'GET',
      ofRepository({ owner, repo }, urlPath`/issues/${number}/comments`),
      { query },
    ),
  result: pageOf,
})

export const createComment = defineAction({
  name: 'createComment',
  title: 'Comment on an issue or a pull request',
  effect: 'create',
  idempotency: 'none',
  input: z.object({ ...repository, issue_number: issueNumber, body: requiredText }),
  output: commentOutput,
  plan: ({ body, issue_number: number, ...place }, config) =>
    githubRequest(config, 'POST', ofRepository(place, urlPath`/issues/${number}/comments`), {
      body: { body },
    }),
})

export const updateComment = defineAction({
  name: 'updateComment',
  title: 'Change a comment of an issue or a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ ...comment, body: requiredText }),
  output: commentOutput,
  plan: ({ body, comment_id: id, ...place }, config) =>
    githubRequest(config, 'PATCH', ofRepository(place, urlPath`/issues/comments/${id}`), {
      body: { body },
    }),
})

export const deleteComment = defineAction({
  name: 'deleteComment',
  title: 'Delete a comment of an issue or a pull request for good',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object(comment),
  output: noOutput,
  plan: ({ comment_id: id, ...place }, config) =>
    githubRequest(config, 'DELETE', ofRepository(place, urlPath`/issues/comments/${id}`)),
  result: () => ({}),
})
