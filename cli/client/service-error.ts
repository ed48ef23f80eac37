import { z } from 'zod'
import { ConnectError, errorCodes, type ErrorCodeName } from '../../protocol/index.ts'
import type { ErrorDetails } from '../../protocol/errors/connect-error.ts'
import { plainText } from '../output/plain-text.ts'

const detail = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])

/** The part of the API's error that is used here: a newer service may say more. */
export const serviceErrorDocument = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    suggested_fix: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
})
export type ServiceError = z.output<typeof serviceErrorDocument>['error']

/** The service's error as the one that it threw itself. */
export function serviceError({
  code,
  message,
  suggested_fix,
  details,
}: ServiceError): ConnectError {
  if (isKnown(code)) return new ConnectError(code, { details: plainDetails(details ?? {}) })
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

function plainDetails(details: Readonly<Record<string, unknown>>): ErrorDetails {
  const kept = Object.entries(details).flatMap(([name, value]) => {
    const { success, data } = detail.safeParse(value)
    return success ? [[name, plainDetail(data)] as const] : []
  })
  return Object.fromEntries(kept)
}

function plainDetail(value: z.output<typeof detail>): z.output<typeof detail> {
  if (typeof value === 'string') return plainText(value)
  return Array.isArray(value) ? value.map(plainText) : value
}
