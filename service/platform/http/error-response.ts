import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { ConnectError, errorCodes } from '../../../protocol/index.ts'
import { withDocsUrl } from '../docs-url.ts'
import type { errorDocument } from './error-document.ts'
import { bodyLimitBytes, handlerTimeoutMs, maxProblemLength, maxProblems } from './limits.ts'

/** A thrown error, as the client may see it: an error that we did not mean to show reveals nothing. */
export function publicError(
  thrown: unknown,
  requestId: string,
  bodyLimit = bodyLimitBytes,
): ConnectError {
  if (thrown instanceof ConnectError && thrown.code !== 'unexpected') return thrown
  if (isFastifyError(thrown)) {
    const known = ofFastify(thrown, bodyLimit)
    if (known !== null) return known
  }
  const reason = `the service's log has the cause under request ${requestId}`
  return new ConnectError('unexpected', { details: { reason }, cause: thrown })
}

/** `docsBase` is empty for a request that was too broken to have a host. */
export function errorToWire(
  error: ConnectError,
  { id, docsBase }: Pick<FastifyRequest, 'id' | 'docsBase'>,
): z.output<typeof errorDocument> {
  const { details, ...body } = withDocsUrl(error.toJSON(), docsBase)
  return { error: { ...body, ...(details !== undefined && { details }), request_id: id } }
}

/** The error that the client may see; an error of ours is logged here, and nowhere else. */
export function reportedError(thrown: unknown, request: FastifyRequest): ConnectError {
  const error = publicError(thrown, request.id, request.routeOptions.bodyLimit)
  request.failure = error
  if (errorCodes[error.code].httpStatus === 500) {
    request.log.error({ err: error.cause ?? error, code: error.code }, 'request failed')
  }
  return error
}

export function sendError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const error = reportedError(thrown, request)
  const status = errorCodes[error.code].httpStatus
  if (error.code === 'unauthorized') {
    void reply.header('www-authenticate', 'Bearer realm="reactor-connect"')
  }
  const { seconds } = error.details
  if (status === 429 && typeof seconds === 'number') void reply.header('retry-after', seconds)
  const wait = retryAfterSeconds(error, status)
  if (wait !== undefined) void reply.header('retry-after', String(wait))
  return reply.code(status).send(errorToWire(error, request))
}

/** A pause that a vendor behind the service asks for takes precedence over our own. */
function retryAfterSeconds(
  { retryable, details }: ConnectError,
  status: number,
): number | undefined {
  const { retry_after_seconds: asked } = details
  if (retryable && typeof asked === 'number') return asked
  return retryable && status === 503 ? 5 : undefined
}

/** `problem` names places, never values: these may be secrets. */
export function requestInvalid(problems: readonly string[]): ConnectError {
  const shown = problems.slice(0, maxProblems).map((problem) => problem.slice(0, maxProblemLength))
  return new ConnectError('request_invalid', {
    details: {
      problem: shown[0] ?? 'it does not keep to the schema of the route',
      problems: shown,
    },
  })
}

/** Zod's words for a field that is not there are those for a field of a wrong type. */
function problemText(message = 'is not valid'): string {
  return /^Invalid input: expected .*, received undefined$/.test(message) ? 'is missing' : message
}

function isFastifyError(thrown: unknown): thrown is FastifyError {
  return thrown instanceof Error && ('statusCode' in thrown || 'validation' in thrown)
}

function ofFastify(error: FastifyError, limit: number): ConnectError | null {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const place = error.validationContext ?? 'request'
    return requestInvalid(
      error.validation.map(({ instancePath, message }) => {
        const path = instancePath === '/' ? '' : instancePath
        return `${place}${path}: ${problemText(message)}`
      }),
    )
  }
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ConnectError('request_too_large', { details: { limit } })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ConnectError('media_type_unsupported')
    case 'FST_ERR_HANDLER_TIMEOUT':
      return new ConnectError('request_timed_out', {
        details: { seconds: handlerTimeoutMs / 1000 },
      })
    case 'FST_ERR_BAD_URL':
      return requestInvalid(['path: it is not encoded as a URL'])
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return requestInvalid(['path: a part of it is too long'])
    default:
      // The messages of the parsers quote the body, which may contain secrets.
      return isClientsFault(error) ? requestInvalid(['body: it is not valid JSON']) : null
  }
}

function isClientsFault({ statusCode }: FastifyError): boolean {
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500
}
