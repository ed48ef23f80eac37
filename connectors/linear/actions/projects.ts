import { z } from 'zod'
import { defineAction } from '../../action.ts'
import {
  changeMissing,
  color,
  day,
  emptiable,
  hasChange,
  id,
  ids,
  markdown,
  newId,
  priority,
} from './fields.ts'
import { project } from './outputs.ts'
import { linearRequest, resultOf } from './request.ts'

const name = z.string().min(1)
const resolution = z.enum(['halfYear', 'month', 'quarter', 'year'])
const payload = z.looseObject({ success: z.literal(true), project })

const common = {
  description: z.string().max(255).exactOptional().meta({ description: 'One line.' }),
  color: color.exactOptional(),
  priority: priority.exactOptional(),
  statusId: id.exactOptional().meta({ description: 'Id of a project status.' }),
  memberIds: ids.exactOptional(),
  labelIds: ids.exactOptional(),
  ...emptiable({
    content: markdown,
    icon: z.string(),
    leadId: id,
    startDate: day,
    startDateResolution: resolution,
    targetDate: day,
    targetDateResolution: resolution,
  }),
}

export const createProject = defineAction({
  name: 'createProject',
  title: 'Create a project',
  effect: 'create',
  idempotency: 'none',
  input: z.object({
    name,
    teamIds: ids.min(1),
    ...common,
    id: newId,
  }),
  output: payload,
  plan: (input, config) => linearRequest(config, 'projectCreate', { input }),
  result: resultOf('projectCreate'),
})

export const updateProject = defineAction({
  name: 'updateProject',
  title: 'Change a project',
  effect: 'update',
  idempotency: 'natural',
  input: z
    .object({
      id,
      name: name.exactOptional(),
      teamIds: ids.min(1).exactOptional().meta({ description: 'Replaces all teams.' }),
      ...common,
    })
    .refine(hasChange, changeMissing),
  output: payload,
  plan: ({ id: projectId, ...input }, config) =>
    linearRequest(config, 'projectUpdate', { id: projectId, input }),
  result: resultOf('projectUpdate'),
})

export const getProject = defineAction({
  name: 'getProject',
  title: 'Get a project',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({ id }),
  output: project,
  plan: (input, config) => linearRequest(config, 'project', input),
  result: resultOf('project'),
})
