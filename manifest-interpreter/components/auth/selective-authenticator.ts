import { list, optionalDict } from '../../definition.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { compileGlob, find } from '../transformations/dpath.ts'
import { emptyDict, entries } from '../../value/dict.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { Authenticator } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/** SelectiveAuthenticator: the configuration says which of several authenticators to use. */
export function selectiveAuthenticator(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Authenticator {
  const definitions = optionalDict(definition, 'authenticators') ?? emptyDict()
  // All of them are built, as in the reference: a mistake in an authenticator that is not selected shows too.
  const authenticators = new Map(
    entries(definitions).map(([name, nested]) => [
      name,
      builder.build('authenticator', nested, context),
    ]),
  )
  const selected = find(
    builder.config,
    compileGlob(list(definition, 'authenticator_selection_path')),
  )
  if (selected === undefined)
    throw valueError('The path from `authenticator_selection_path` is not found in the config.')
  const authenticator = authenticators.get(str(selected))
  if (authenticator === undefined)
    throw valueError(`The authenticator \`${str(selected)}\` is not found.`)
  return authenticator
}
