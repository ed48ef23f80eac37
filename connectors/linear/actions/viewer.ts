import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { linearRequest, resultOf } from './request.ts'

export const getViewer = defineAction({
  name: 'getViewer',
  title: 'Get the user whose credentials the instance has',
  effect: 'read',
  idempotency: 'natural',
  input: z.object({}),
  output: z.looseObject({ id: z.string(), name: z.string(), email: z.string() }),
  plan: (_input, config) => linearRequest(config, 'viewer', {}),
  result: resultOf('viewer'),
})
