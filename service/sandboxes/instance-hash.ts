import type { Instance } from '../instances/schema.ts'
import { canonicalHash } from './canonical-hash.ts'

/** A hash of where an instance reads. Its secrets are not in it: they are renewed, and stay in the vault. */
export function instanceHash({
  id,
  type,
  config,
}: Pick<Instance, 'id' | 'type' | 'config'>): string {
  return canonicalHash([id, type, config])
}
