import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { color, id, newId } from './fields.ts'
import { linearRequest, resultOf } from './request.ts'

export const createLabel = defineAction({
  name: 'createLabel',
  title: 'Create a label of issues, of a team or of the workspace',
  effect: 'create',
  // A second call is refused: the name is taken.
  idempotency: 'none',
  input: z.object({
    name: z.string().min(1),
    teamId: id.nullable().exactOptional().meta({
      description: 'Id of the team. Without one it is a label of the workspace.',
    }),
    color: color.exactOptional(),
    description: z.string().nullable().exactOptional(),
    parentId: id.nullable().exactOptional().meta({ description: 'Id of the group of labels.' }),
    isGroup: z.boolean().exactOptional(),
    id: newId,
  }),
  output: z.looseObject({
    success: z.literal(true),
    issueLabel: z.looseObject({ id: z.string(), name: z.string() }),
  }),
  plan: (input, config) => linearRequest(config, 'issueLabelCreate', { input }),
  result: resultOf('issueLabelCreate'),
})
