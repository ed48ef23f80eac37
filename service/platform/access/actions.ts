/**
 * The actions by name: every route has one, and policies and scopes refer to them. The default policy is made
 * of these groups:
 *
 * - `self`: looks at, or changes, your own login;
 * - `read`: looks at stored resources;
 * - `ask`: queries a third-party system, and changes nothing there or here;
 * - `try`: sandbox and promote, where a token stands for the changes that were previewed;
 * - `write`: changes stored resources, or what runs;
 * - `administer`: access rights, and the audit log.
 */
export const actionGroups = ['self', 'read', 'ask', 'try', 'write', 'administer'] as const
export type ActionGroup = (typeof actionGroups)[number]

/**
 * The kinds of resources. `service`: everything without an instance or connection. A run belongs to its
 * connection.
 */
export const resourceKinds = ['instance', 'connection', 'service'] as const
export type ResourceKind = (typeof resourceKinds)[number]

export interface ActionFacts {
  readonly group: ActionGroup
  readonly on: ResourceKind
  /** Completes a sentence that begins with "may". */
  readonly does: string
}

export const actions = {
  'catalog:read': { group: 'read', on: 'service', does: 'see the connectors' },
  'self:read': { group: 'self', on: 'service', does: 'see who they are' },
  'self:update': { group: 'self', on: 'service', does: 'log out, change their own password' },
  'metrics:read': { group: 'read', on: 'service', does: 'read the metrics' },
  'schemas:read': { group: 'read', on: 'connection', does: 'read the schemas of topics' },
  'receivers:read': { group: 'read', on: 'service', does: 'see webhook receivers' },
  'receivers:create': { group: 'write', on: 'service', does: 'make webhook receivers' },
  'receivers:update': { group: 'write', on: 'service', does: 'change, pause and resume receivers' },
  'receivers:rotate': {
    group: 'write',
    on: 'service',
    does: 'exchange addresses and secrets of receivers',
  },
  'receivers:test': { group: 'write', on: 'service', does: 'send test deliveries' },
  'receivers:delete': { group: 'write', on: 'service', does: 'delete receivers' },
  'deliveries:read': { group: 'read', on: 'service', does: 'list deliveries of webhooks' },
  'deliveries:payload': {
    group: 'ask',
    on: 'service',
    does: 'see headers and bodies of deliveries',
  },
  'deliveries:replay': { group: 'write', on: 'service', does: 'dispatch deliveries again' },
  'deliveries:discard': { group: 'write', on: 'service', does: 'discard dead deliveries' },
  'policies:read': { group: 'read', on: 'service', does: 'see conflict policies' },
  'policies:create': { group: 'write', on: 'service', does: 'make conflict policies' },

  'instances:read': { group: 'read', on: 'instance', does: 'see instances, without secrets' },
  'instances:check': { group: 'ask', on: 'instance', does: 'check that an instance works' },
  'instances:discover': { group: 'ask', on: 'instance', does: 'list the streams of an instance' },
  'instances:codegen': { group: 'ask', on: 'instance', does: 'generate a typed client' },
  'instances:create': { group: 'write', on: 'instance', does: 'make instances' },
  'instances:update': { group: 'write', on: 'instance', does: 'change the configuration' },
  'instances:credentials': { group: 'write', on: 'instance', does: 'set secrets, authorize' },
  'instances:delete': { group: 'write', on: 'instance', does: 'delete instances' },
  'actions:invoke': { group: 'write', on: 'instance', does: 'invoke an action of a connector' },

  'connections:read': { group: 'read', on: 'connection', does: 'see connections' },
  'connections:sandbox': { group: 'try', on: 'connection', does: 'try a connection in a sandbox' },
  'connections:sandbox-rows': {
    group: 'ask',
    on: 'connection',
    does: 'see the rows that a sandbox found',
  },
  'connections:sandbox-delete': {
    group: 'try',
    on: 'connection',
    does: 'delete a sandbox; an agent only its own',
  },
  'connections:promote': { group: 'try', on: 'connection', does: 'promote what a sandbox showed' },
  'connections:create': { group: 'write', on: 'connection', does: 'make connections' },
  'connections:update': { group: 'write', on: 'connection', does: 'change connections' },
  'connections:activate': { group: 'write', on: 'connection', does: 'activate without a sandbox' },
  'connections:pause': { group: 'write', on: 'connection', does: 'pause and resume' },
  'connections:approve': { group: 'write', on: 'connection', does: 'approve a changed schema' },
  'connections:reset': { group: 'write', on: 'connection', does: 'forget checkpoints' },
  'connections:delete': { group: 'write', on: 'connection', does: 'delete connections' },

  'runs:read': { group: 'read', on: 'connection', does: 'see runs and their logs' },
  'runs:start': { group: 'write', on: 'connection', does: 'start and retry runs' },
  'runs:cancel': { group: 'write', on: 'connection', does: 'cancel runs' },

  'api-keys:read': { group: 'administer', on: 'service', does: 'list API keys' },
  'api-keys:create': { group: 'administer', on: 'service', does: 'make API keys' },
  'api-keys:revoke': { group: 'administer', on: 'service', does: 'revoke API keys' },
  'users:read': { group: 'administer', on: 'service', does: 'list users' },
  'users:create': { group: 'administer', on: 'service', does: 'make users' },
  'users:update': { group: 'administer', on: 'service', does: 'change users' },
  'users:delete': { group: 'administer', on: 'service', does: 'delete users' },
  'audit:read': { group: 'administer', on: 'service', does: 'read the audit log' },
} as const satisfies Readonly<Record<string, ActionFacts>>

export type ActionName = keyof typeof actions

export const actionNames: readonly ActionName[] = Object.keys(actions).filter(isActionName)

export function isActionName(name: string): name is ActionName {
  return Object.hasOwn(actions, name)
}

export function actionFacts(action: ActionName): ActionFacts {
  return actions[action]
}

/** Whether it changes something, here or elsewhere: the audit log then records it. */
export function isChange(action: ActionName): boolean {
  const { group } = actionFacts(action)
  return group !== 'read' && group !== 'ask' && !action.endsWith(':read')
}
