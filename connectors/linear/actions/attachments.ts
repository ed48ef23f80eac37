import { z } from 'zod'
import { anyJson, defineAction } from '../../action.ts'
import { asUser, issueId, newId } from './fields.ts'
import { attachment } from './outputs.ts'
import { linearRequest, resultOf } from './request.ts'

export const createAttachment = defineAction({
  name: 'createAttachment',
  title: 'Attach a URL to an issue',
  effect: 'create',
  // An issue has one attachment of a URL: a second call changes it.
  idempotency: 'natural',
  input: z.object({
    issueId,
    title: z.string().min(1),
    url: z.url(),
    subtitle: z.string().exactOptional(),
    iconUrl: z.url().exactOptional(),
    groupBySource: z.boolean().exactOptional(),
    metadata: z.record(z.string(), anyJson).exactOptional().meta({
      description: 'Data of your own.',
    }),
    ...asUser,
    id: newId,
  }),
  output: z.looseObject({ success: z.literal(true), attachment }),
  plan: (input, config) => linearRequest(config, 'attachmentCreate', { input }),
  result: resultOf('attachmentCreate'),
})
