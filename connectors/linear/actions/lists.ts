import { z } from 'zod'
import { anyJson, defineAction } from '../../action.ts'
import { id } from './fields.ts'
import { issue } from './outputs.ts'
import { linearRequest, resultOf } from './request.ts'

/** One page: the next one begins after `endCursor`. */
const paging = {
  first: z.int().min(1).max(250).exactOptional().meta({ description: 'Default: 50.' }),
  after: z.string().min(1).exactOptional().meta({
    description: 'The `endCursor` of the page before.',
  }),
  includeArchived: z.boolean().exactOptional(),
  orderBy: z.enum(['createdAt', 'updatedAt']).exactOptional(),
}

const filter = z.record(z.string(), anyJson).exactOptional().meta({
  description:
    'A filter of Linear: `{"team": {"key": {"eq": "ENG"}}}`. https://linear.app/developers/filtering',
})

const named = z.looseObject({ id: z.string(), name: z.string() })

function pageOf<Node extends z.ZodType>(node: Node) {
  return z.looseObject({
    nodes: z.array(node),
    pageInfo: z.looseObject({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  })
}

export const listTeams = defineAction({
  name: 'listTeams',
  title: 'List teams, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ ...paging, filter }),
  output: pageOf(named.extend({ key: z.string() })),
  plan: (input, config) => linearRequest(config, 'teams', input),
  result: resultOf('teams'),
})

export const listUsers = defineAction({
  name: 'listUsers',
  title: 'List users, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    ...paging,
    includeDisabled: z.boolean().exactOptional().meta({ description: 'Suspended ones, too.' }),
    filter,
  }),
  output: pageOf(named),
  plan: (input, config) => linearRequest(config, 'users', input),
  result: resultOf('users'),
})

export const listWorkflowStates = defineAction({
  name: 'listWorkflowStates',
  title: 'List the workflow states of teams, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ ...paging, filter }),
  output: pageOf(named.extend({ type: z.string() })),
  plan: (input, config) => linearRequest(config, 'workflowStates', input),
  result: resultOf('workflowStates'),
})

export const listLabels = defineAction({
  name: 'listLabels',
  title: 'List labels of issues, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ ...paging, filter }),
  output: pageOf(named),
  plan: (input, config) => linearRequest(config, 'issueLabels', input),
  result: resultOf('issueLabels'),
})

export const searchIssues = defineAction({
  name: 'searchIssues',
  title: 'Search issues by their text, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    term: z.string().min(1).meta({ description: 'What to look for.' }),
    ...paging,
    filter,
    includeComments: z.boolean().exactOptional().meta({ description: 'Search comments, too.' }),
    teamId: id.exactOptional().meta({ description: 'Id of a team whose issues rank higher.' }),
  }),
  output: pageOf(issue).extend({ totalCount: z.number() }),
  plan: (input, config) => linearRequest(config, 'searchIssues', input),
  result: resultOf('searchIssues'),
})
