import type { DestinationConfig } from '../../engine/run-types.ts'
import { Mask } from '../platform/secrets/mask.ts'

/**
 * The secrets of the operator's database, brokers or registry, which no error and no line of a run may show,
 * also if the server writes them into its own errors. A password that is also a name is not masked: it would
 * mask every occurrence of the name.
 */
export function loginSecrets(destination: DestinationConfig): readonly string[] {
  const { secrets, names } = textsOf(destination)
  return secrets
    .filter((secret) => secret !== undefined)
    .filter((secret) => !names.includes(secret))
}

/** Words that are shown. A secret that equals such a word is not hidden. */
export function loginNames(destination: DestinationConfig): readonly string[] {
  return textsOf(destination).names.filter((name) => name !== undefined)
}

interface LoginTexts {
  readonly secrets: readonly (string | undefined)[]
  readonly names: readonly (string | undefined)[]
}

function textsOf(destination: DestinationConfig): LoginTexts {
  if (destination.type === 'topic') {
    const { servers, topic, registry } = destination
    return {
      secrets: [servers.sasl?.password, registry?.password],
      names: [servers.sasl?.username, registry?.username, topic, ...servers.brokers],
    }
  }
  const { password, host, user, database } = destination.address
  return { secrets: [password], names: [host, user, database] }
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
