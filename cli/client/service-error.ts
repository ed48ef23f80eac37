import { z } from 'zod'
import {
  isJsonList,
  ConnectError,
  errorCodes,
  type ErrorCodeName,
  type ErrorDetails,
  type JsonValue,
} from '../../protocol/index.ts'
import { plainText } from '../output/plain-text.ts'

const jsonDetails = z.record(z.string(), z.json())

/** The part of the API's error that is used here: a newer service may have more. */
export const serviceErrorDocument = z.object({
  error: z.looseObject({
    code: z.string(),
    message: z.string(),
    suggested_fix: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
})
export type ServiceError = z.output<typeof serviceErrorDocument>['error']

/**
 * The service's error with details that a ConnectError cannot represent: the cause of the error that is
 * thrown.
 */
export class ServiceRefusal extends Error {
  override readonly name = 'ServiceRefusal'
  readonly body: ServiceError

  constructor(body: ServiceError) {
    super(body.message)
    this.body = body
  }
}

/** The service's error as the same error here. */
export function serviceError(body: ServiceError): ConnectError {
  const { code, message, suggested_fix, details } = body
  const cause = new ServiceRefusal(body)
  if (isKnown(code))
    return new ConnectError(code, {
      details: plainDetails(jsonDetails.parse(details ?? {})),
      cause,
    })
  return new ConnectError('service_refused', {
    details: {
      message: plainText(message),
      service_code: plainText(code),
      fix: plainText(suggested_fix),
    },
  })
}

function isKnown(code: string): code is ErrorCodeName {
  return Object.hasOwn(errorCodes, code)
}

function plainDetails(details: ErrorDetails): ErrorDetails {
  const plain = Object.entries(details).map(([name, value]) => [name, plainDetail(value)] as const)
  return Object.fromEntries(plain)
}

function plainDetail(value: JsonValue): JsonValue {
  if (typeof value === 'string') return plainText(value)
  if (isJsonList(value)) return value.map(plainDetail)
  return typeof value === 'object' && value !== null ? plainDetails(value) : value
}
