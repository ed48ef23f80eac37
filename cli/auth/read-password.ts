import type { CommandContext } from '../client/service-command.ts'
import { usageError } from '../usage-error.ts'

export interface PasswordFlags {
  readonly password?: string
  readonly passwordStdin?: true
}

/** The password from the flags, from standard input, or from a prompt. Throws `usage`. */
export async function readPassword(
  context: Pick<CommandContext, 'input' | 'output'>,
  { password, passwordStdin }: PasswordFlags,
  question: string,
): Promise<string> {
  const { input } = context
  if (password !== undefined && passwordStdin !== undefined)
    throw usageError('--password and --password-stdin are both given', 'Leave one of them out.')
  if (password !== undefined) {
    if (input.canAsk) warnOfVisible(context)
    return notEmpty(password)
  }
  if (passwordStdin !== undefined) return notEmpty(withoutLineEnd(await input.readAll()))
  if (input.canAsk) return notEmpty(await input.askSecret(question))
  throw usageError(
    'There is no password',
    'Give it with `--password-stdin`: `… --password-stdin < FILE`.',
  )
}

/** One line end belongs to the file, not to the password. */
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '')
}

function notEmpty(password: string): string {
  if (password !== '') return password
  throw usageError('The password is empty', 'Give one.')
}

function warnOfVisible({ output }: Pick<CommandContext, 'output'>): void {
  output.screen.line(
    `${output.paint('yellow', 'warning:')} a password on a command line stays in the history of the shell and is seen by others on this machine; leave --password out to be prompted for it`,
  )
}
