import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { changeMissing, day, hasChange, id, ids, markdown, newId, priority } from './fields.ts'
import { project } from './outputs.ts'
import { linearRequest, resultOf } from './request.ts'

const name = z.string().min(1).max(80)
const resolution = z.enum(['halfYear', 'month', 'quarter', 'year'])
const payload = z.looseObject({ success: z.literal(true), project })

const common = {
  description: z.string().max(255).exactOptional().meta({ description: 'One line.' }),
  content: markdown.exactOptional(),
  color: z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/)
    .exactOptional(),
  icon: z.string().exactOptional(),
  priority: priority.exactOptional(),
  statusId: id.exactOptional().meta({ description: 'Id of a project status.' }),
  memberIds: ids.exactOptional(),
  labelIds: ids.exactOptional(),
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
    leadId: id.exactOptional(),
    startDate: day.exactOptional(),
    startDateResolution: resolution.exactOptional(),
    targetDate: day.exactOptional(),
    targetDateResolution: resolution.exactOptional(),
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
      leadId: id.nullable().exactOptional(),
      startDate: day.nullable().exactOptional(),
      startDateResolution: resolution.nullable().exactOptional(),
      targetDate: day.nullable().exactOptional(),
      targetDateResolution: resolution.nullable().exactOptional(),
    })
    .refine(hasChange, changeMissing),
  output: payload,
  plan: ({ id: projectId, ...input }, config) =>
    linearRequest(config, 'projectUpdate', { id: projectId, input }),
  result: resultOf('projectUpdate'),
})
