import { connectorKind } from './connector-side-kind.ts'
import { postgresKind } from './postgres-side-kind.ts'
import type { SideKind } from './side-kind.ts'

/** The kind of the `type` that a pair file names. Every other type is a connector. */
export function sideKindOf(type: string): SideKind {
  return type === 'postgres' ? postgresKind : connectorKind
}
