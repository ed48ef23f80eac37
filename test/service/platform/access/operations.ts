import { z } from 'zod'
import type { ApiClient } from '../../../support/api-client.ts'

const methodNames = ['get', 'post', 'patch', 'put', 'delete'] as const

const operation = z.looseObject({
  operationId: z.string(),
  'x-action': z.string().optional(),
  security: z.array(z.unknown()).optional(),
})
const document = z.looseObject({
  paths: z.record(z.string(), z.partialRecord(z.enum(methodNames), operation)),
})

/** A route of the OpenAPI document. */
export interface Operation {
  readonly id: string
  readonly method: string
  /** The path from the root, with placeholders like `{name}`. */
  readonly path: string
  readonly action: string | undefined
  /** Answers without a token. */
  readonly isAnonymous: boolean
}

export async function operationsOf(client: ApiClient): Promise<readonly Operation[]> {
  const { paths } = document.parse((await client.asked('GET /openapi.json')).body)
  return Object.entries(paths).flatMap(([path, methods]) =>
    methodNames.flatMap((method) => {
      const about = methods[method]
      if (about === undefined) return []
      const isAnonymous = about.security?.length === 0
      const { operationId: id, 'x-action': action } = about
      return [{ id, method: method.toUpperCase(), path, action, isAnonymous }]
    }),
  )
}
