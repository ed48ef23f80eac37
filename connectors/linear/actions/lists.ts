import { z } from 'zod'
import { anyJson, defineAction, type Action } from '../../action.ts'
import { id } from './fields.ts'
import { comment, cycle, issue, pageOf, project, projectMilestone } from './outputs.ts'
import { linearRequest, resultOf, type Operation } from './request.ts'

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

interface ObjectList {
  readonly name: string
  readonly title: string
  readonly operation: Operation
  readonly node: z.ZodType
  /** An example of a filter of this list. */
  readonly example: string
}

function listAction({ name, title, operation, node, example }: ObjectList): Action {
  return defineAction({
    name,
    title,
    effect: 'read',
    idempotency: 'natural',
    input: z.object({
      ...paging,
      filter: filter.meta({
        description: `A filter of Linear: \`${example}\`. https://linear.app/developers/filtering`,
      }),
    }),
    output: pageOf(node),
    plan: (input, config) => linearRequest(config, operation, input),
    result: resultOf(operation),
  })
}

export const listIssues = listAction({
  name: 'listIssues',
  title: 'List issues, of a team, a person, a project, a state or all, a page at a time',
  operation: 'issues',
  node: issue,
  example:
    '{"assignee": {"email": {"eq": "ada@acme.example"}}, "state": {"type": {"eq": "started"}}}',
})

export const listProjects = listAction({
  name: 'listProjects',
  title: 'List projects, a page at a time',
  operation: 'projects',
  node: project,
  example: '{"name": {"containsIgnoreCase": "launch"}}',
})

export const listProjectMilestones = listAction({
  name: 'listProjectMilestones',
  title: 'List the milestones of projects, a page at a time',
  operation: 'projectMilestones',
  node: projectMilestone,
  example: '{"project": {"id": {"eq": "…"}}}',
})

export const listCycles = listAction({
  name: 'listCycles',
  title: 'List the cycles of teams, a page at a time',
  operation: 'cycles',
  node: cycle,
  example: '{"team": {"key": {"eq": "ENG"}}, "isActive": {"eq": true}}',
})

export const listComments = listAction({
  name: 'listComments',
  title: 'List comments, of an issue, a project or all, a page at a time',
  operation: 'comments',
  node: comment,
  example: '{"issue": {"id": {"eq": "…"}}}',
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
