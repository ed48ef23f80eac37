import { exitCodes } from '../exit-codes.ts'
import { showFailure } from '../output/show-failure.ts'
import { ApiClient } from './api-client.ts'
import { findService } from './find-service.ts'
import type { Around, CommonFlags } from './service-command.ts'

/** Runs the work of a command that asks the service. Resolves with the exit code; what failed has been shown. */
export async function askService(
  flags: CommonFlags,
  work: (around: Around) => Promise<number>,
  surroundings: Omit<Around, 'client'>,
): Promise<number> {
  const { output, environment, signal } = surroundings
  if (flags.key !== undefined)
    output.screen.line(
      `${output.paint('yellow', 'warning:')} a key on a command line stays in the history of the shell and is seen by others on this machine; give it as REACTOR_CONNECT_API_KEY`,
    )
  try {
    const address = await findService(flags, environment)
    return await work({ ...surroundings, client: new ApiClient(address, signal) })
  } catch (error) {
    return signal.aborted ? exitCodes.killed : showFailure(output, error)
  }
}
