import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { channelId, done, messageTs } from './fields.ts'
import { resultOrNoChange, slackRequest } from './request.ts'

const input = z.object({
  channel: channelId,
  timestamp: messageTs,
  name: z
    .string()
    .regex(/^[^:\s]+(?:::skin-tone-\d)?$/, 'must be the name of an emoji, without colons')
    .max(100)
    .meta({ description: 'Name of the emoji, such as `thumbsup` or `wave::skin-tone-3`.' }),
})

export const addReaction = defineAction({
  name: 'addReaction',
  title: 'Add a reaction to a message',
  effect: 'create',
  idempotency: 'natural',
  input,
  output: done,
  plan: (fields, config) => slackRequest(config, 'reactions.add', fields),
  result: resultOrNoChange,
})

export const removeReaction = defineAction({
  name: 'removeReaction',
  title: 'Remove a reaction of the app from a message',
  effect: 'delete',
  idempotency: 'natural',
  // It can be added again.
  requiresConfirmation: false,
  input,
  output: done,
  plan: (fields, config) => slackRequest(config, 'reactions.remove', fields),
  result: resultOrNoChange,
})
