import { ConnectError } from '../protocol/index.ts'

/** A command line that cannot be carried out: exit code 2. */
export function usageError(problem: string, fix: string, cause?: unknown): ConnectError {
  return new ConnectError('usage', { details: { problem, fix }, cause })
}
