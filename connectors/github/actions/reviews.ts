import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import {
  login,
  page,
  positive,
  pullNumber,
  repository,
  requiredText,
  sha,
  slashedPath,
  text,
} from './fields.ts'
import { shortPullOutput, reviewCommentOutput, reviewOutput } from './outputs.ts'
import { githubRequest, ofRepository, pageOf, pageOutput } from './request.ts'

const pull = { ...repository, pull_number: pullNumber }
const slugs = z.array(z.string().min(1).max(100)).max(100)
const side = z.enum(['LEFT', 'RIGHT'])
const line = {
  path: slashedPath.meta({ description: 'The file.' }),
  line: positive.exactOptional().meta({ description: 'The line, or the last one of several.' }),
  side: side.exactOptional().meta({ description: '`RIGHT` for added lines, `LEFT` for deleted.' }),
  start_line: positive.exactOptional(),
  start_side: z.enum(['LEFT', 'RIGHT', 'side']).exactOptional(),
  position: positive.exactOptional().meta({
    description: 'Place in the diff, which GitHub takes in the place of `line`; deprecated.',
  }),
}
const event = z.enum(['APPROVE', 'REQUEST_CHANGES', 'COMMENT'])

export const requestReviewers = defineAction({
  name: 'requestReviewers',
  title: 'Ask people or teams to review a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({
    ...pull,
    reviewers: z.array(login).max(100).exactOptional().meta({ description: 'Logins.' }),
    team_reviewers: slugs.exactOptional().meta({ description: 'Slugs of teams.' }),
  }),
  output: shortPullOutput,
  plan: ({ owner, repo, pull_number: number, ...body }, config) =>
    githubRequest(
      config,
      'POST',
      ofRepository({ owner, repo }, urlPath`/pulls/${number}/requested_reviewers`),
      { body },
    ),
})

export const removeRequestedReviewers = defineAction({
  name: 'removeRequestedReviewers',
  title: 'Take back that people or teams are asked for a review',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({
    ...pull,
    reviewers: z.array(login).max(100).meta({ description: 'Logins; may be empty.' }),
    team_reviewers: slugs.exactOptional(),
  }),
  output: shortPullOutput,
  plan: ({ owner, repo, pull_number: number, ...body }, config) =>
    githubRequest(
      config,
      'DELETE',
      ofRepository({ owner, repo }, urlPath`/pulls/${number}/requested_reviewers`),
      { body },
    ),
})

export const listReviews = defineAction({
  name: 'listReviews',
  title: 'List the reviews of a pull request, the oldest first, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ ...pull, ...page }),
  output: pageOutput(reviewOutput),
  response: 'list',
  plan: ({ owner, repo, pull_number: number, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, urlPath`/pulls/${number}/reviews`), {
      query,
    }),
  result: pageOf,
})

export const createReview = defineAction({
  name: 'createReview',
  title: 'Review a pull request',
  effect: 'create',
  idempotency: 'none',
  input: z.object({
    ...pull,
    event: event.exactOptional().meta({
      description: 'Without it the review is a draft, which submitReview ends.',
    }),
    body: text.exactOptional().meta({
      description: 'Markdown. GitHub wants it for REQUEST_CHANGES and COMMENT.',
    }),
    commit_id: sha.exactOptional(),
    comments: z.array(z.strictObject({ ...line, body: requiredText })).exactOptional(),
  }),
  output: reviewOutput,
  plan: ({ owner, repo, pull_number: number, ...body }, config) =>
    githubRequest(
      config,
      'POST',
      ofRepository({ owner, repo }, urlPath`/pulls/${number}/reviews`),
      {
        body,
      },
    ),
})

export const submitReview = defineAction({
  name: 'submitReview',
  title: 'Submit a draft of a review',
  effect: 'update',
  // A second call is refused: it is no draft any more.
  idempotency: 'none',
  input: z.object({ ...pull, review_id: positive, event, body: text.exactOptional() }),
  output: reviewOutput,
  plan: ({ owner, repo, pull_number: number, review_id: review, ...body }, config) =>
    githubRequest(
      config,
      'POST',
      ofRepository({ owner, repo }, urlPath`/pulls/${number}/reviews/${review}/events`),
      { body },
    ),
})

export const createReviewComment = defineAction({
  name: 'createReviewComment',
  title: 'Comment on a line or a file of a pull request',
  effect: 'create',
  idempotency: 'none',
  input: z.object({
    ...pull,
    body: requiredText,
    commit_id: sha,
    ...line,
    subject_type: z.enum(['line', 'file']).exactOptional(),
    in_reply_to: positive.exactOptional().meta({
      description: 'Id of the comment that it responds to; then only the body counts.',
    }),
  }),
  output: reviewCommentOutput,
  plan: ({ owner, repo, pull_number: number, ...body }, config) =>
    githubRequest(
      config,
      'POST',
      ofRepository({ owner, repo }, urlPath`/pulls/${number}/comments`),
      { body },
    ),
})
