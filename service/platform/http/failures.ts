import { errorCodes, type ErrorCodeName } from '../../../protocol/index.ts'
import { errorDocument } from './error-document.ts'

interface FailureResponse {
  readonly description: string
  readonly content: { readonly 'application/json': { readonly schema: typeof errorDocument } }
}

/** Errors of any route that needs a key. */
const always: readonly ErrorCodeName[] = [
  'request_invalid',
  'unauthorized',
  'permission_denied',
  'rate_limited',
  'unexpected',
  'store_unavailable',
  'request_timed_out',
]

/** Further errors of a route with a body. */
export const bodyFailures: readonly ErrorCodeName[] = [
  'request_too_large',
  'media_type_unsupported',
]

/** The errors of a route, for its schema: by status, with the codes in the description. */
export function failures(...codes: readonly ErrorCodeName[]): Record<number, FailureResponse> {
  return failuresOnly(...always, ...codes)
}

export function failuresOnly(...codes: readonly ErrorCodeName[]): Record<number, FailureResponse> {
  const answers: Record<number, FailureResponse> = {}
  for (const code of codes) {
    const { httpStatus, message } = errorCodes[code]
    const line = `\`${code}\`: ${message}`
    const before = answers[httpStatus]?.description
    answers[httpStatus] = {
      description: before === undefined ? line : `${before}\n\n${line}`,
      content: { 'application/json': { schema: errorDocument } },
    }
  }
  return answers
}
