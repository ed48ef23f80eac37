import { ConnectError, type ErrorBody } from '../../protocol/index.ts'
import { exitCodes } from '../exit-codes.ts'

/** A command that ended with an error. */
export interface CommandFailure {
  readonly kind: 'error'
  readonly error: ErrorBody
  readonly exitCode: number
}

/** An error as the end of a command: wrong files and wrong command lines have their own exit code. */
export function commandFailure(thrown: unknown): CommandFailure {
  const error = ConnectError.from(thrown)
  const isUsage =
    error.code === 'usage' ||
    error.code === 'source_config_invalid' ||
    /^(run_file|stream|manifest|source_file|pair_file|conflict_rules)_/.test(error.code)
  return {
    kind: 'error',
    error: error.toJSON(),
    exitCode: isUsage ? exitCodes.usage : exitCodes.failed,
  }
}
