import type { PostgresConfig } from '../../engine/run-types.ts'
import { Mask } from '../platform/secrets/mask.ts'

type Address = PostgresConfig['address']

/**
 * The secrets of the operator's database, which no error and no line of a run may show, also if the server writes them into its own errors. A
 * password that is also a name is not masked: it would mask every occurrence of the name.
 */
export function loginSecrets({ password, host, user, database }: Address): readonly string[] {
  if (password === undefined || [host, user, database].includes(password)) return []
  return [password]
}

/** Works at a destination outside of a run: errors do not show its login. */
export async function hidingLogin<Result>(
  { address }: Pick<PostgresConfig, 'address'>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (thrown) {
    const mask = new Mask()
    mask.add(loginSecrets(address))
    throw mask.error(thrown)
  }
}
