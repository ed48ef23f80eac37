import { ConnectError } from '../../protocol/index.ts'
import { exitCodes } from '../exit-codes.ts'
import type { RunEnd } from './run-output.ts'

/** An error as the end of a run: wrong files and wrong command lines have an exit code of their own. */
export function errorEnd(thrown: unknown): Extract<RunEnd, { kind: 'error' }> {
  const error = ConnectError.from(thrown)
  const isUsage =
    error.code === 'usage' ||
    error.code === 'source_config_invalid' ||
    /^(run_file|stream|manifest|source_file)_/.test(error.code)
  return {
    kind: 'error',
    error: error.toJSON(),
    exitCode: isUsage ? exitCodes.usage : exitCodes.failed,
  }
}
