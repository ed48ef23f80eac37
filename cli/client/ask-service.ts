import { exitCodes } from '../exit-codes.ts'
import { showFailure } from '../output/show-failure.ts'
import { ApiClient } from './api-client.ts'
import { findService, withValidLogin } from './find-service.ts'
import type { CommandContext, AskAs, CommonFlags } from './service-command.ts'

export interface AskServiceContext extends Omit<CommandContext, 'client' | 'service'> {
  readonly as?: AskAs | undefined
}

/** Runs the work of a command that uses the service. Resolves with the exit code; an error has been shown. */
export async function askService(
  flags: CommonFlags,
  work: (context: CommandContext) => Promise<number>,
  context: AskServiceContext,
): Promise<number> {
  const { output, environment, signal, as } = context
  if (flags.key !== undefined)
    output.screen.line(
      `${output.paint('yellow', 'warning:')} a key on a command line stays in the history of the shell and is seen by others on this machine; set it as REACTOR_CONNECT_API_KEY`,
    )
  try {
    const place = await findService(flags, environment)
    const service =
      as === 'nobody' ? { ...place, key: undefined } : withValidLogin(place, Date.now())
    return await work({ ...context, service, client: new ApiClient(service, signal) })
  } catch (error) {
    return signal.aborted ? exitCodes.killed : showFailure(output, error)
  }
}
