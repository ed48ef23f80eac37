import type { FastifyRequest } from 'fastify'
import { requestInvalid } from './error-response.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Not in this version: whatever comes with it is not looked at. */
    readonly reserved?: true
  }
}

/**
 * A route that describes no query or no body takes none: otherwise `?streams=a` beside the body where it belongs would be
 * ignored, and all streams be reset. An empty object is no body.
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
