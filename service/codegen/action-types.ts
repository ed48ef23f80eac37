import type { ActionDescriptor } from '../../connectors/descriptor-schema.ts'
import { declareType } from './declarations.ts'
import { byName } from './by-name.ts'
import { docComment, propertyKey, stringLiteral } from './source-text.ts'
import type { Declaration } from './type-node.ts'
import { typeName, type TypeNames } from './type-names.ts'

/** An action in the client. */
export interface ActionType {
  readonly action: ActionDescriptor
  readonly input: string
  readonly output: string
  readonly declarations: readonly Declaration[]
}

export function actionTypes(
  actions: readonly ActionDescriptor[],
  names: TypeNames,
): readonly ActionType[] {
  return actions
    .map((action) => [action.name, action] as const)
    .toSorted(byName)
    .map(([name, action]) => {
      const input = names.take(typeName(name, 'Input'))
      const output = names.take(typeName(name, 'Output'))
      const declarations = [
        ...declareType(
          { name: input, schema: action.input, doc: '' },
          { names, numbers: 'exact', role: 'any' },
        ),
        ...declareType(
          { name: output, schema: action.output, doc: '' },
          { names, numbers: 'exact', role: 'output' },
        ),
      ]
      return { action, input, output, declarations }
    })
}

/** The types `Actions` and `DryRuns`, and a list of the actions that may be repeated. */
export function actionsType(actions: readonly ActionType[]): string {
  const entries = actions.map(({ action, input, output }) => {
    const doc = docComment(`${action.title}. Effect: ${action.effect}.`, '  ')
    return `${doc}  readonly ${propertyKey(action.name)}: Action<${input}, ${output}>\n`
  })
  const dryRuns = actions.flatMap(({ action, input, output }) => {
    const plan = planType(action, output)
    if (plan === undefined) return []
    return [`  readonly ${propertyKey(action.name)}: DryRun<${input}, ${plan}>\n`]
  })
  // In brackets, `__proto__` is a name like any other.
  const repeats = actions.map(
    ({ action }) => `  [${stringLiteral(action.name)}]: '${repeatOf(action)}',\n`,
  )
  return `${docComment('The actions of the instance.')}export interface Actions {
${entries.join('')}}

${docComment('The actions that can be tried out.')}export interface DryRuns {
${dryRuns.join('')}}

const actionRepeats: Readonly<Record<keyof Actions, 'always' | 'with key' | 'never'>> = {
${repeats.join('')}}
`
}

/** The type of a dry-run; undefined if the action has no dry-run. */
function planType({ dryRun }: ActionDescriptor, output: string): string | undefined {
  switch (dryRun) {
    case 'native':
      return `NativeDryRun<${output}> | SynthesizedDryRun`
    case 'synthesized':
      return 'SynthesizedDryRun'
    case 'unsupported':
      return undefined
  }
}

/** After a lost response, an action must not be repeated if that would do it twice. */
function repeatOf({ effect, idempotency }: ActionDescriptor): 'always' | 'with key' | 'never' {
  if (effect === 'read') return 'always'
  // A deletion that is repeated without a key would be refused: it is gone.
  return idempotency === 'none' ? 'never' : 'with key'
}
