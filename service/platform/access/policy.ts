import type { AccessRequest } from './access-request.ts'

/** Decides access: the only place that does. Its decisions depend only on the request. */
export interface Policy {
  /** Everything that is not permitted is denied, and so is what cannot be decided. */
  permits(request: AccessRequest): boolean
  /** A rule refers to single instances or connections: the decision for one is then not valid for another. */
  readonly isByName: boolean
  /**
   * Some rule refers to the type of an instance, or the instance of a connection, which have to be looked up.
   */
  readonly isByFacts: boolean
}
