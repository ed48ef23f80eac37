import type { Instance } from '../instances/schema.ts'
import { canonicalHash } from './canonical-hash.ts'

/**
 * A hash of what an instance reads (another content needs another `bindingFormat`). It does not cover its
 * secrets, which are renewed, and stay in the vault.
 */
export function instanceHash({
  id,
  type,
  config,
}: Pick<Instance, 'id' | 'type' | 'config'>): string {
  return canonicalHash([id, type, config])
}
