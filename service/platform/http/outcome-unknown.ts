import type { ConnectError, ErrorCodeName } from '../../../protocol/index.ts'

const unclearCodes = new Set<ErrorCodeName>([
  'action_outcome_unknown',
  'action_response_unreadable',
  'action_unavailable',
])

/** True if the vendor may have carried out the action that ended with this error, or an earlier try of it. */
export function isOutcomeUnknown({ code, details }: ConnectError): boolean {
  return unclearCodes.has(code) || details.outcome_unknown === true
}
