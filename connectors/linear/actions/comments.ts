import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { asUser, changeMissing, hasChange, id, issueId, markdown, moment, newId } from './fields.ts'
import { comment } from './outputs.ts'
import { linearRequest, resultOf } from './request.ts'

const payload = z.looseObject({ success: z.literal(true), comment })
const parents = [
  'issueId',
  'projectId',
  'projectUpdateId',
  'initiativeId',
  'initiativeUpdateId',
  'documentContentId',
  'parentId',
] as const

export const createComment = defineAction({
  name: 'createComment',
  title: 'Comment on an issue, a project or an update, or reply to a comment',
  effect: 'create',
  idempotency: 'none',
  input: z
    .object({
      body: markdown.min(1),
      issueId: issueId.exactOptional(),
      projectId: id.exactOptional(),
      projectUpdateId: id.exactOptional(),
      initiativeId: id.exactOptional(),
      initiativeUpdateId: id.exactOptional(),
      documentContentId: id.exactOptional(),
      parentId: id.exactOptional().meta({ description: 'Id of the comment to reply to.' }),
      doNotSubscribeToIssue: z.boolean().exactOptional(),
      createdAt: moment.exactOptional(),
      ...asUser,
      id: newId,
    })
    .refine(
      (input) => parents.some((name) => input[name] !== undefined),
      `give one of ${parents.join(', ')}`,
    ),
  output: payload,
  plan: (input, config) => linearRequest(config, 'commentCreate', { input }),
  result: resultOf('commentCreate'),
})

export const updateComment = defineAction({
  name: 'updateComment',
  title: 'Change or resolve a comment',
  effect: 'update',
  idempotency: 'natural',
  input: z
    .object({
      id,
      body: markdown.min(1).exactOptional(),
      resolvingUserId: id.nullable().exactOptional().meta({
        description: 'Who resolved the thread; null opens it again.',
      }),
      resolvingCommentId: id.nullable().exactOptional(),
    })
    .refine(hasChange, changeMissing),
  output: payload,
  plan: ({ id: commentId, ...input }, config) =>
    linearRequest(config, 'commentUpdate', { id: commentId, input }),
  result: resultOf('commentUpdate'),
})

export const deleteComment = defineAction({
  name: 'deleteComment',
  title: 'Delete a comment for good',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object({ id }),
  output: z.looseObject({ success: z.literal(true), entityId: z.string() }),
  plan: (input, config) => linearRequest(config, 'commentDelete', input),
  result: resultOf('commentDelete'),
})
