import { z } from 'zod'
import type { JsonValue } from '../../../protocol/index.ts'
import { defineAction } from '../../action.ts'
import { repository } from './fields.ts'
import { repositoryOutput } from './outputs.ts'
import { githubRequest, ofRepository } from './request.ts'

export const getRepository = defineAction({
  name: 'getRepository',
  title: 'Read a repository',
  effect: 'read',
  idempotency: 'natural',
  input: z.object(repository),
  output: repositoryOutput,
  plan: (place, config) => githubRequest(config, 'GET', ofRepository(place)),
  result: ({ body }) => withoutCloneToken(body),
})

/** A credential. */
function withoutCloneToken(body: JsonValue): JsonValue {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'temp_clone_token'))
}
