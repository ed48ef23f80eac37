import type { Environment } from '../../contracts.ts'

/** State that all components of a run share: made on first use, gone with the run's environment. */
export class SharedPerEnvironment<State> {
  readonly #states = new WeakMap<Environment, State>()
  readonly #create: () => State

  constructor(create: () => State) {
    this.#create = create
  }

  stateOf(environment: Environment): State {
    const known = this.#states.get(environment)
    if (known !== undefined) return known
    const state = this.#create()
    this.#states.set(environment, state)
    return state
  }
}
