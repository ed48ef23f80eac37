import { Option } from 'commander'
import type { CommandContext } from './service-command.ts'
import { usageError } from '../usage-error.ts'

export interface YesFlag {
  readonly yes?: true
}

export function yesOption(): Option {
  return new Option('-y, --yes', 'without a question; needed if there is no terminal')
}

/**
 * Asks before something is deleted, unless `--yes` says so already. False: the person does not want it.
 * Throws `usage` if there is no terminal.
 *
 * @param deletion such as `delete the connection shop`
 */
export async function confirmDeletion(
  { input, output }: Pick<CommandContext, 'input' | 'output'>,
  { yes }: YesFlag,
  deletion: string,
): Promise<boolean> {
  if (yes === true) return true
  if (!input.canAsk)
    throw usageError(
      `There is no terminal to ask whether to ${deletion}`,
      'Add --yes to the command.',
    )
  const isWanted = await input.confirm(`${output.paint('yellow', 'confirm:')} ${deletion}?`)
  if (!isWanted) output.screen.line('nothing was done')
  return isWanted
}
