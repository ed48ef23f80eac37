import type { FastifyRequest } from 'fastify'
import { requestInvalid } from './error-response.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Reserved for a later version: the query and the body are not checked. */
    readonly reserved?: true
  }
}

/**
 * A route without a declared query or body accepts none: otherwise `?streams=a`, if it should be in the body,
 * would be ignored, and all streams would be reset. An empty object counts as no body.
 */
export function refuseUnknown({ routeOptions, query, body }: FastifyRequest): Promise<void> {
  const { schema = {}, config } = routeOptions
  if (config.reserved === true) return Promise.resolve()
  const problems = [
    ...(schema.querystring === undefined ? namesOf(query).map(unknownParameter) : []),
    ...(schema.body === undefined && !isEmpty(body) ? ['body: this route takes none'] : []),
  ]
  return problems.length === 0 ? Promise.resolve() : Promise.reject(requestInvalid(problems))
}

const unknownParameter = (name: string): string =>
  `querystring: Unrecognized key: ${JSON.stringify(name)}`

function namesOf(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

function isEmpty(body: unknown): boolean {
  if (body === undefined || body === null) return true
  return typeof body === 'object' && !Array.isArray(body) && namesOf(body).length === 0
}
