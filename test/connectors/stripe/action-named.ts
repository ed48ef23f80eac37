import type { Action } from '../../../connectors/action.ts'
import { stripeActions } from '../../../connectors/stripe/actions/actions.ts'

export function actionNamed(name: string): Action {
  const found = stripeActions.find(({ descriptor }) => descriptor.name === name)
  if (found === undefined) throw new Error(`no action ${name}`)
  return found
}
