import { z } from 'zod'
import type { CommandContext } from '../client/service-command.ts'
import { readJson } from '../input/json-input.ts'
import { warnOfVisible } from '../instances/instance-commands.ts'
import { usageError } from '../usage-error.ts'

export interface SecretFlags {
  readonly signingSecretStdin?: true
  /** JSON, a file or `-`. */
  readonly input?: string
  readonly generate?: true
}

const secretInput = z.strictObject({ signing_secret: z.string().min(1) })

/** The secret that the flags give; undefined: they give none. */
export async function givenSecret(
  context: Pick<CommandContext, 'input' | 'output'>,
  { signingSecretStdin, input: option, generate }: SecretFlags,
): Promise<string | undefined> {
  const given = [signingSecretStdin, option, generate].filter((flag) => flag !== undefined)
  if (given.length > 1)
    throw usageError(
      'The secret is given in more than one way',
      'Leave all but one of --signing-secret-stdin, --input and --generate out.',
    )
  if (signingSecretStdin !== undefined)
    return notEmpty((await context.input.readAll()).replace(/\r?\n$/, ''))
  if (option === undefined) return undefined
  const json = {
    option: '--input',
    value: option,
    schema: secretInput,
    what: 'a JSON object with signing_secret alone',
  }
  const { value, isVisible } = await readJson(json, context.input)
  if (isVisible) warnOfVisible(context, '--input')
  return value.signing_secret
}

/** The secret from the flags, or from a prompt; undefined: the service makes it. Throws `usage`. */
export async function readSigningSecret(
  context: Pick<CommandContext, 'input' | 'output'>,
  flags: SecretFlags,
  name: string,
): Promise<string | undefined> {
  const given = await givenSecret(context, flags)
  if (given !== undefined || flags.generate === true) return given
  if (context.input.canAsk)
    return notEmpty(
      await context.input.askSecret(`secret that the sender of ${name} signs with (not shown): `),
    )
  throw usageError(
    'No secret was given, and there is no terminal to prompt for it',
    `Give it with \`--signing-secret-stdin\`, or let the service make it: \`reactor connect receivers secret ${name} --generate\`.`,
  )
}

function notEmpty(secret: string): string {
  if (secret !== '') return secret
  throw usageError('The secret is empty', 'Give the one that the sender shows.')
}
