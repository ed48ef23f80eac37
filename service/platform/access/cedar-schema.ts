import { actionFacts, actionGroups, actionNames, type ActionName } from './actions.ts'
import { principalKinds } from './principal.ts'

const entityOf = { instance: 'Instance', connection: 'Connection', service: 'Service' } as const

/**
 * The Cedar schema that policies are checked against. `default-policy.cedarschema` is the same for editors.
 */
export function cedarSchema(): string {
  const kinds = principalKinds.map((kind) => JSON.stringify(kind)).join(', ')
  return `// What a policy of Reactor Connect can speak of. docs/access.md explains it.

entity Kind enum [${kinds}];

// The caller. The id is that of the API key, or of the user.
entity Principal in [Kind] {
  name: String,
  via: String, // "api_key" or "jwt"
};

// A configured connector. The id is its name. No type if it does not exist.
entity Instance {
  name: String,
  "type"?: String,
};

// The id is its name. No instance where it does not exist. A run belongs to its connection.
entity Connection {
  name: String,
  instance?: String,
};

// Everything else.
entity Service;

${actionGroups.map((group) => `action "${group}";`).join('\n')}

${actionNames.map(declareAction).join('\n')}
`
}

function declareAction(action: ActionName): string {
  const { group, on } = actionFacts(action)
  const context =
    action === 'actions:invoke'
      ? '{ name: String, effect: String, dry_run: Bool, planned: Bool }'
      : '{}'
  return `action "${action}" in [Action::"${group}"]
  appliesTo { principal: Principal, resource: ${entityOf[on]}, context: ${context} };`
}
