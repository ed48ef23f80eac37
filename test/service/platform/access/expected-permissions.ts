import type { ActionName } from '../../../../service/platform/access/actions.ts'
import type { PrincipalKind } from '../../../../service/platform/access/principal.ts'

const all = ['admin', 'operator', 'viewer', 'agent'] as const
const actors = ['admin', 'operator', 'agent'] as const
const people = ['admin', 'operator'] as const
const admins = ['admin'] as const

/**
 * Written by hand, not derived: the decisions that the default policy must make. A new action needs a line
 * here.
 */
export const expectedPermissions: Readonly<Record<ActionName, readonly PrincipalKind[]>> = {
  'catalog:read': all,
  'self:read': all,
  'self:update': all,
  'metrics:read': all,
  'schemas:read': all,
  'receivers:read': all,
  'receivers:create': people,
  'receivers:update': people,
  'receivers:rotate': people,
  'receivers:test': people,
  'receivers:delete': people,
  'deliveries:read': all,
  'deliveries:payload': actors,
  'deliveries:replay': people,
  'deliveries:discard': people,
  'policies:read': all,
  'policies:create': people,

  'instances:read': all,
  'instances:check': actors,
  'instances:discover': actors,
  'instances:codegen': actors,
  'instances:create': people,
  'instances:update': people,
  'instances:credentials': people,
  'instances:delete': people,
  // An agent only with a dry-run: see the tests of that.
  'actions:invoke': people,

  'connections:read': all,
  'connections:sandbox': actors,
  'connections:sandbox-rows': actors,
  'connections:sandbox-delete': actors,
  'connections:promote': actors,
  'connections:create': people,
  'connections:update': people,
  'connections:activate': people,
  'connections:pause': people,
  'connections:approve': people,
  'connections:reset': people,
  'connections:delete': people,

  'runs:read': all,
  'runs:start': people,
  'runs:cancel': people,

  'api-keys:read': admins,
  'api-keys:create': admins,
  'api-keys:revoke': admins,
  'users:read': admins,
  'users:create': admins,
  'users:update': admins,
  'users:delete': admins,
  'audit:read': admins,
}
