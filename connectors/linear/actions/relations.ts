import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { id, issueId, newId } from './fields.ts'
import { issueRelation, pageOf } from './outputs.ts'
import { linearRequest, resultOf } from './request.ts'

export const listIssueRelations = defineAction({
  name: 'listIssueRelations',
  title: 'List which issues an issue blocks, duplicates or belongs to, and which ones do so to it',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({
    id: issueId,
    first: z.int().min(1).max(250).exactOptional().meta({
      description: 'The most relations of each direction. Default: 50.',
    }),
  }),
  output: z.looseObject({
    id: z.string(),
    identifier: z.string(),
    relations: pageOf(issueRelation),
    inverseRelations: pageOf(issueRelation).meta({
      description: 'Those that were created on the other issue: it blocks this one, for example.',
    }),
  }),
  plan: (input, config) => linearRequest(config, 'issueRelations', input),
  result: resultOf('issueRelations'),
})

export const createIssueRelation = defineAction({
  name: 'createIssueRelation',
  title: 'Say that an issue blocks, duplicates or belongs to another one',
  effect: 'create',
  idempotency: 'none',
  input: z.object({
    issueId,
    relatedIssueId: issueId,
    type: z.enum(['blocks', 'duplicate', 'related', 'similar']).meta({
      description: 'The relation of the first issue to the related one.',
    }),
    id: newId,
  }),
  output: z.looseObject({ success: z.literal(true), issueRelation }),
  plan: (input, config) => linearRequest(config, 'issueRelationCreate', { input }),
  result: resultOf('issueRelationCreate'),
})

export const deleteIssueRelation = defineAction({
  name: 'deleteIssueRelation',
  title: 'Delete a relation of two issues; both stay',
  effect: 'delete',
  idempotency: 'natural',
  input: z.object({ id }),
  output: z.looseObject({ success: z.literal(true), entityId: z.string() }),
  plan: (input, config) => linearRequest(config, 'issueRelationDelete', input),
  result: resultOf('issueRelationDelete'),
})
