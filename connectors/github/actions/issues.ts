import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import {
  direction,
  foundPage,
  issueNumber,
  label,
  login,
  noOutput,
  page,
  positive,
  repository,
  since,
  state,
  text,
} from './fields.ts'
import { foundIssue, issueOutput } from './outputs.ts'
import {
  githubRequest,
  cursorPageOf,
  nextPageField,
  ofRepository,
  pageOutput,
  withNextPage,
} from './request.ts'

const issueFields = {
  assignees: z.array(login).max(10).exactOptional().meta({
    description: 'Logins. GitHub leaves out, without a word, who cannot be assigned.',
  }),
  labels: z.array(label).max(100).exactOptional().meta({
    description: 'Names, or labels with a name. Labels that do not exist are made.',
  }),
  milestone: z.int().min(1).nullable().exactOptional().meta({
    description: 'Number of the milestone; null for none.',
  }),
  type: z.string().nullable().exactOptional().meta({
    description: 'Name of an issue type of the organization.',
  }),
}
const body = text.meta({ description: 'Markdown.' })
const searchSorts = [
  'comments',
  'reactions',
  'reactions-+1',
  'reactions--1',
  'reactions-smile',
  'reactions-thinking_face',
  'reactions-heart',
  'reactions-tada',
  'interactions',
  'created',
  'updated',
] as const
const title = z.string().min(1).max(256)
const issue = { ...repository, issue_number: issueNumber }

export const getIssue = defineAction({
  name: 'getIssue',
  title: 'Read an issue or a pull request as an issue',
  effect: 'read',
  idempotency: 'natural',
  input: z.object(issue),
  output: issueOutput,
  plan: ({ issue_number: number, ...place }, config) =>
    githubRequest(config, 'GET', ofRepository(place, urlPath`/issues/${number}`)),
})

export const listIssues = defineAction({
  name: 'listIssues',
  title: 'List issues, with pull requests among them, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    ...repository,
    ...state,
    labels: z.string().min(1).exactOptional().meta({
      description: 'Names, with commas between them: issues that have all of these.',
    }),
    assignee: z.string().min(1).exactOptional().meta({
      description: 'A login; `none`, or `*` for anybody.',
    }),
    creator: login.exactOptional(),
    mentioned: login.exactOptional(),
    milestone: z.string().min(1).exactOptional().meta({
      description: 'The number of a milestone as a text; `none`, or `*` for any.',
    }),
    type: z.string().min(1).exactOptional().meta({
      description: 'Name of an issue type; `none`, or `*` for any.',
    }),
    ...since,
    sort: z.enum(['created', 'updated', 'comments']).exactOptional().meta({
      description: 'Default: created.',
    }),
    ...direction,
    ...page,
    after: z.string().min(1).max(2000).exactOptional().meta({
      description:
        'The `next_after` of the page before, beside its `next_page`. GitHub refuses pages far back without it.',
    }),
  }),
  output: pageOutput(issueOutput).extend({
    next_after: z.string().nullable().meta({
      description: 'The `after` to ask for next, beside `next_page`; null if GitHub gives none.',
    }),
  }),
  response: 'list',
  plan: ({ owner, repo, ...query }, config) =>
    githubRequest(config, 'GET', ofRepository({ owner, repo }, '/issues'), { query }),
  result: cursorPageOf,
})

export const searchIssues = defineAction({
  name: 'searchIssues',
  title: 'Search issues and pull requests',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    // GitHub's limit of 256 characters leaves out qualifiers and operators.
    q: z.string().min(1).max(4000).meta({
      description: 'In the search language of GitHub: `repo:acme/shop is:issue state:open crash`.',
    }),
    sort: z.enum(searchSorts).exactOptional(),
    order: z.enum(['asc', 'desc']).exactOptional(),
    ...foundPage,
  }),
  output: z.looseObject({
    total_count: z.int(),
    incomplete_results: z.boolean().exactOptional(),
    items: z.array(foundIssue),
    next_page: nextPageField,
  }),
  plan: (query, config) => githubRequest(config, 'GET', '/search/issues', { query }),
  result: withNextPage,
})

export const createIssue = defineAction({
  name: 'createIssue',
  title: 'Create an issue',
  effect: 'create',
  idempotency: 'none',
  input: z.object({ ...repository, title, body: body.exactOptional(), ...issueFields }),
  output: issueOutput,
  plan: ({ owner, repo, ...body }, config) =>
    githubRequest(config, 'POST', ofRepository({ owner, repo }, '/issues'), { body }),
})

export const updateIssue = defineAction({
  name: 'updateIssue',
  title: 'Change, close or reopen an issue',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({
    ...issue,
    title: title.nullable().exactOptional(),
    body: body.nullable().exactOptional(),
    ...issueFields,
    state: z.enum(['open', 'closed']).exactOptional(),
    state_reason: z
      .enum(['completed', 'not_planned', 'duplicate', 'reopened'])
      .nullable()
      .exactOptional()
      .meta({ description: 'Counts only if the state changes.' }),
    duplicate_issue_id: positive.exactOptional().meta({
      description: 'Id, not the number, of the issue that it repeats.',
    }),
  }),
  output: issueOutput,
  plan: ({ owner, repo, issue_number: number, ...body }, config) =>
    githubRequest(config, 'PATCH', ofRepository({ owner, repo }, urlPath`/issues/${number}`), {
      body,
    }),
})

export const lockIssue = defineAction({
  name: 'lockIssue',
  title: 'Lock the conversation of an issue or a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({
    ...issue,
    lock_reason: z.enum(['off-topic', 'too heated', 'resolved', 'spam']).exactOptional(),
  }),
  output: noOutput,
  plan: ({ owner, repo, issue_number: number, ...body }, config) =>
    githubRequest(config, 'PUT', ofRepository({ owner, repo }, urlPath`/issues/${number}/lock`), {
      body,
    }),
  result: () => ({}),
})

export const unlockIssue = defineAction({
  name: 'unlockIssue',
  title: 'Unlock the conversation of an issue or a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: z.object(issue),
  output: noOutput,
  plan: ({ issue_number: number, ...place }, config) =>
    githubRequest(config, 'DELETE', ofRepository(place, urlPath`/issues/${number}/lock`)),
  result: () => ({}),
})

const assignment = z.object({ ...issue, assignees: z.array(login).max(10) })

export const addAssignees = defineAction({
  name: 'addAssignees',
  title: 'Assign people to an issue or a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: assignment,
  output: issueOutput,
  plan: ({ assignees, issue_number: number, ...place }, config) =>
    githubRequest(config, 'POST', ofRepository(place, urlPath`/issues/${number}/assignees`), {
      body: { assignees },
    }),
})

export const removeAssignees = defineAction({
  name: 'removeAssignees',
  title: 'Take people off an issue or a pull request',
  effect: 'update',
  idempotency: 'natural',
  input: assignment,
  output: issueOutput,
  plan: ({ assignees, issue_number: number, ...place }, config) =>
    githubRequest(config, 'DELETE', ofRepository(place, urlPath`/issues/${number}/assignees`), {
      body: { assignees },
    }),
})
