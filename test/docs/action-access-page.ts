import type { ActionDescriptor } from '../../connectors/descriptor-schema.ts'
import { connectorOf, nativeTypes } from '../../connectors/registry.ts'
import type { InvokeContext } from '../../service/platform/access/access-request.ts'
import type { ActionName } from '../../service/platform/access/actions.ts'
import type { Policy } from '../../service/platform/access/policy.ts'
import { principalKinds, type PrincipalKind } from '../../service/platform/access/principal.ts'

export interface ConnectorAction {
  readonly type: string
  readonly title: string
  readonly action: ActionDescriptor
}

/** The actions of all connectors that come with the program, sorted by connector. */
export async function everyAction(): Promise<readonly ConnectorAction[]> {
  const found = await Promise.all(
    nativeTypes()
      .toSorted()
      .map(async (type) => {
        const { actions, descriptor } = await connectorOf(type)
        const loaded = (await actions?.load()) ?? []
        const { title } = descriptor
        return loaded.map((action) => ({ type, title, action: action.descriptor }))
      }),
  )
  return found.flat()
}

export type InvokeMode = 'see' | 'dry-run' | 'invoke' | 'invoke with a token'
export const invokeModes = ['see', 'dry-run', 'invoke', 'invoke with a token'] as const

/** Returns the decision of the policy for a principal without scopes. */
export function isPermitted(
  policy: Policy,
  request: {
    readonly kind: PrincipalKind
    readonly action: ActionDescriptor
    readonly mode: InvokeMode
  },
): boolean {
  const { kind, action, mode } = request
  const { name, effect } = action
  const id = `key_${kind}`
  const principal = { id, kind, name: kind, via: 'api_key', scopes: null } as const
  const invoke: InvokeContext = {
    ...{ name, effect },
    dryRun: mode === 'dry-run',
    planned: mode === 'invoke with a token',
  }
  const asked: ActionName = mode === 'see' ? 'instances:read' : 'actions:invoke'
  const resource = { kind: 'instance', name: 'any' } as const
  return policy.permits({
    ...{ principal, resource, action: asked },
    ...(mode !== 'see' && { invoke }),
  })
}

/** docs/action-access.md. */
export async function actionAccessPage(policy: Policy): Promise<string> {
  const actions = await everyAction()
  const tables = [...Map.groupBy(actions, ({ title }) => title)].map(
    ([title, some]) => `## ${title}\n\n${tableOf(policy, some)}`,
  )
  return `${beginning}\n${tables.join('\n')}`
}

const beginning = `# Who may invoke which action

This page has every action of the connectors that come with the program, and what the default policy says of each: made from the policy itself. How an action is invoked is in
[actions](actions.md), the kinds of principals are in [access](access.md).

- *yes*: it may be invoked, with a dry-run or without.
- *after a dry-run*: only with the token of a dry-run of the same input by the same principal. A dry-run itself needs no token. That of an agent sends nothing, nor does one of what *asks first*, unless the call asks
  for \`"dry_run": "native"\`.
- *no*: neither invoked nor tried. Everybody who may see an instance sees its actions and their schemas.
- *Asks first* is \`requires_confirmation\` ([actions](actions.md)). The policy does not look at it: it looks at the effect.

A key with scopes may do less, and a [policy of your own](access.md#a-policy-of-your-own) may say something else of each action by its name and its effect.
`

function tableOf(policy: Policy, actions: readonly ConnectorAction[]): string {
  const rows = actions.map(({ action }) => [
    `\`${action.name}\``,
    action.effect,
    action.requiresConfirmation ? 'yes' : '',
    ...principalKinds.map((kind) => cellOf(policy, kind, action)),
  ])
  const head = ['Action', 'Effect', 'Asks first', ...principalKinds]
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('')
}

function cellOf(policy: Policy, kind: PrincipalKind, action: ActionDescriptor): string {
  const may = (mode: InvokeMode): boolean => isPermitted(policy, { kind, action, mode })
  if (may('invoke')) return 'yes'
  if (may('invoke with a token') && may('dry-run')) return 'after a dry-run'
  return may('dry-run') ? 'dry-run only' : 'no'
}
