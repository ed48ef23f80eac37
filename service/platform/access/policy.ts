import type { AccessRequest } from './access-request.ts'

/** Who may do what: the one place that is asked. Its answers depend on nothing but the request. */
export interface Policy {
  /** What nothing permits is denied, and so is what cannot be decided. */
  permits(request: AccessRequest): boolean
  /** Some rule speaks of single instances or connections: then a response for one is none for another. */
  readonly isByName: boolean
  /** Some rule speaks of the type of an instance, or the instance of a connection, which have to be looked up. */
  readonly isByFacts: boolean
}
