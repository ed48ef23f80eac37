import { nearestName } from '../../../lib/text/near-names.ts'
import type { Environment } from '../../../plan/environment.ts'
import { settings } from './settings.ts'

const prefix = 'REACTOR_CONNECT_'

/** The variables of the command line, and of programs beside the service. */
const others = ['CONFIG', 'URL', 'API_KEY', 'VAULT_PREVIOUS_KEY']

/** `REACTOR_CONNECT_POSTGRES_NAME_URL`, with any name. */
const namedDestination = /^REACTOR_CONNECT_POSTGRES_[A-Z0-9_]+_URL$/

/** Kubernetes gives every container these of a service that is named `reactor-connect…`. */
const ofKubernetes =
  /^REACTOR_CONNECT_(?:[A-Z0-9_]+_)?(?:SERVICE_(?:HOST|PORT)(?:_.*)?|PORT(?:_\d+_.*)?)$/

export interface UnknownVariable {
  readonly variable: string
  /** The variable that was most likely meant. */
  readonly meant: string | undefined
}

/** Variables that look like settings, and are none: their values have no effect. */
export function unknownVariables(environment: Environment): readonly UnknownVariable[] {
  const known = [
    ...settings.map(({ variable }) => variable),
    ...others.map((name) => `${prefix}${name}`),
  ]
  const ends = known.map((name) => name.slice(prefix.length))
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !known.includes(name))
    .filter((name) => !namedDestination.test(name) && !ofKubernetes.test(name))
    .sort()
    .map((variable) => {
      const meant = nearestName(variable.slice(prefix.length), ends)
      return { variable, meant: meant === undefined ? undefined : `${prefix}${meant}` }
    })
}
