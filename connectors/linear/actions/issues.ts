import { z } from 'zod'
import { defineAction } from '../../action.ts'
import {
  asUser,
  changeMissing,
  day,
  emptiable,
  hasChange,
  id,
  ids,
  issueId,
  markdown,
  moment,
  newId,
  priority,
} from './fields.ts'
import { issue } from './outputs.ts'
import { linearRequest, resultOf } from './request.ts'

const title = z.string().min(1)

const issueFields = emptiable({
  assigneeId: id,
  delegateId: id.meta({ description: 'Id of the agent.' }),
  description: markdown,
  dueDate: day,
  estimate: z.int().min(0),
  parentId: issueId,
  projectId: id,
  projectMilestoneId: id,
  cycleId: id,
})

const payload = z.looseObject({ success: z.literal(true), issue })
const archived = z.looseObject({ success: z.literal(true), entity: issue.nullable() })

export const createIssue = defineAction({
  name: 'createIssue',
  title: 'Create an issue',
  effect: 'create',
  // Linear does not document its response to a second call with the same id.
  idempotency: 'none',
  input: z.object({
    teamId: id.meta({ description: 'Id of the team.' }),
    title: title.exactOptional().meta({ description: 'May be missing with a template.' }),
    ...issueFields,
    priority: priority.exactOptional(),
    stateId: id.exactOptional().meta({ description: 'Id of a workflow state of the team.' }),
    labelIds: ids.exactOptional(),
    subscriberIds: ids.exactOptional(),
    sortOrder: z.number().exactOptional(),
    templateId: id.exactOptional(),
    useDefaultTemplate: z.boolean().exactOptional(),
    createdAt: moment.exactOptional(),
    completedAt: moment.exactOptional(),
    ...asUser,
    id: newId,
  }),
  output: payload,
  plan: (input, config) => linearRequest(config, 'issueCreate', { input }),
  result: resultOf('issueCreate'),
})

export const updateIssue = defineAction({
  name: 'updateIssue',
  title: 'Change an issue',
  effect: 'update',
  idempotency: 'natural',
  input: z
    .object({
      id: issueId,
      title: title.exactOptional(),
      ...issueFields,
      priority: priority.exactOptional(),
      stateId: id.exactOptional(),
      teamId: id.exactOptional().meta({ description: 'Moves the issue to another team.' }),
      labelIds: ids.exactOptional().meta({ description: 'Replaces all labels.' }),
      addedLabelIds: ids.exactOptional(),
      removedLabelIds: ids.exactOptional(),
      subscriberIds: ids.exactOptional(),
      snoozedUntilAt: moment.nullable().exactOptional(),
      sortOrder: z.number().exactOptional(),
    })
    .refine(hasChange, changeMissing),
  output: payload,
  plan: ({ id: issueKey, ...input }, config) =>
    linearRequest(config, 'issueUpdate', { id: issueKey, input }),
  result: resultOf('issueUpdate'),
})

export const archiveIssue = defineAction({
  name: 'archiveIssue',
  title: 'Archive an issue, or put it into the trash',
  effect: 'update',
  idempotency: 'natural',
  // The trash is emptied after some time.
  requiresConfirmation: true,
  input: z.object({
    id: issueId,
    trash: z.boolean().exactOptional().meta({
      description: 'Put it into the trash, from which Linear removes it for good later.',
    }),
  }),
  output: archived,
  plan: (input, config) => linearRequest(config, 'issueArchive', input),
  result: resultOf('issueArchive'),
})

export const unarchiveIssue = defineAction({
  name: 'unarchiveIssue',
  title: 'Take an issue out of the archive or the trash',
  effect: 'update',
  idempotency: 'natural',
  input: z.object({ id: issueId }),
  output: archived,
  plan: (input, config) => linearRequest(config, 'issueUnarchive', input),
  result: resultOf('issueUnarchive'),
})

const labelled = z.object({ id: issueId, labelId: id })

export const addLabel = defineAction({
  name: 'addLabel',
  title: 'Add a label to an issue',
  effect: 'update',
  idempotency: 'natural',
  input: labelled,
  output: payload,
  plan: (input, config) => linearRequest(config, 'issueAddLabel', input),
  result: resultOf('issueAddLabel'),
})

export const removeLabel = defineAction({
  name: 'removeLabel',
  title: 'Remove a label from an issue',
  effect: 'update',
  idempotency: 'natural',
  input: labelled,
  output: payload,
  plan: (input, config) => linearRequest(config, 'issueRemoveLabel', input),
  result: resultOf('issueRemoveLabel'),
})

export const getIssue = defineAction({
  name: 'getIssue',
  title: 'Get an issue',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ id: issueId }),
  output: issue,
  plan: (input, config) => linearRequest(config, 'issue', input),
  result: resultOf('issue'),
})
