import { type DestinationConfig, kindOf } from '../../sinks/registry.ts'
import { Mask } from '../../protocol/secrets/mask.ts'

/**
 * The secrets of the operator's database, brokers or registry, which no error and no line of a run may show,
 * also if the server writes them into its own errors. A password that is also a name is not masked: it would
 * mask every occurrence of the name.
 */
export function loginSecrets(destination: DestinationConfig): readonly string[] {
  const { secrets, names } = kindOf(destination).texts(destination)
  return secrets
    .filter((secret) => secret !== undefined)
    .filter((secret) => !names.includes(secret))
}

/** Words that are shown. A secret that equals such a word is not hidden. */
export function loginNames(destination: DestinationConfig): readonly string[] {
  return kindOf(destination)
    .texts(destination)
    .names.filter((name) => name !== undefined)
}

/** Works at a destination outside of a run: errors do not show its login. */
export async function hidingLogin<Result>(
  destination: DestinationConfig,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (thrown) {
    const mask = new Mask()
    mask.add(loginSecrets(destination))
    throw mask.error(thrown)
  }
}
