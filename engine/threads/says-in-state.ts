import type { ErrorBody } from '../../protocol/index.ts'

/**
 * Whether the last state of the read belongs to the error: it says why the read cannot go on, or which files
 * are left to read. It must be loaded with what came before, so that the next read finds this state, and not
 * one that it could go on from.
 */
export function saysInState({ code }: Pick<ErrorBody, 'code'>): boolean {
  return code === 'source_state_invalid' || code === 'source_files_failed'
}
