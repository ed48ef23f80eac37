import type { Command } from 'commander'
import type { Environment } from '../../plan/environment.ts'
import type { UserInput } from '../input/user-input.ts'
import type { CommandOutput } from '../output/command-output.ts'
import type { ApiClient } from './api-client.ts'
import type { ResolvedService, ServiceFlags } from './find-service.ts'

/** The flags of every command that uses the service. */
export interface CommonFlags extends ServiceFlags {
  readonly json?: true
}

/** The context of such a command. */
export interface CommandContext {
  readonly client: ApiClient
  /** Which service that is, and with whose key. */
  readonly service: ResolvedService
  readonly output: CommandOutput
  readonly input: UserInput
  readonly environment: Environment
  readonly signal: AbortSignal
}

/** `nobody`: without the key or login that was found; by default with it. */
export type AskAs = 'nobody'

/** Runs the work of a command, which resolves with the exit code. */
export type AskService = (
  flags: CommonFlags,
  work: (context: CommandContext) => Promise<number>,
  as?: AskAs,
) => Promise<void>

/** A command that uses the service, with the flags that choose one. */
export function serviceCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--json', 'the response of the service, as JSON')
    .option(
      '--url <URL>',
      'the service (REACTOR_CONNECT_URL); default: the service on this machine',
    )
    .option('--key <KEY>', 'its API key; better set as REACTOR_CONNECT_API_KEY')
}
