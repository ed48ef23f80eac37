import { exitCodes } from '../exit-codes.ts'
import { showFailure } from '../output/show-failure.ts'
import { ApiClient } from './api-client.ts'
import { findService, withValidLogin } from './find-service.ts'
import type { CommandContext, AskAs, CommonFlags } from './service-command.ts'

export interface CommandSurroundings extends Omit<CommandContext, 'client' | 'found'> {
  readonly as?: AskAs | undefined
}

/** Runs the work of a command that asks the service. Resolves with the exit code; what failed has been shown. */
export async function askService(
  flags: CommonFlags,
  work: (context: CommandContext) => Promise<number>,
  surroundings: CommandSurroundings,
): Promise<number> {
  const { output, environment, signal, as } = surroundings
  if (flags.key !== undefined)
    output.screen.line(
      `${output.paint('yellow', 'warning:')} a key on a command line stays in the history of the shell and is seen by others on this machine; give it as REACTOR_CONNECT_API_KEY`,
    )
  try {
    const place = await findService(flags, environment)
    const found = as === 'nobody' ? { ...place, key: undefined } : withValidLogin(place, Date.now())
    return await work({ ...surroundings, found, client: new ApiClient(found, signal) })
  } catch (error) {
    return signal.aborted ? exitCodes.killed : showFailure(output, error)
  }
}
