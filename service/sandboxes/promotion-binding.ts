import type { Connection } from '../connections/schema.ts'

/**
 * The number of the content of the hashes in a binding: `instanceHash`, `catalogHash`,
 * `destinationFingerprint`. Raise it when the content of one changes: hashes of two contents cannot be
 * compared, and the holder of a token gets the true reason.
 */
export const bindingFormat = 3

/**
 * The state that a promote token is bound to: everything that decides what a run would do, and the principal
 * who looked at it.
 */
export interface PromotionBinding {
  /** `bindingFormat` of the version that made it; versions before 2 gave none. */
  readonly format?: number
  readonly connectionId: string
  /** Increases with each change of the connection. */
  readonly connectionVersion: number
  /** The last run at the time of the sandbox. */
  readonly lastRun: string | null
  /** `instanceHash` of the connection's instance. */
  readonly instanceHash: string
  /** `catalogHash` of the streams as the source had them. */
  readonly catalogHash: string
  /** `destinationFingerprint` of the tables and checkpoints. */
  readonly destinationFingerprint: string
  /** Id of the principal. */
  readonly principal: string
}

/** The present state, except the connection and the principal. */
export interface PresentState {
  readonly connection: Pick<Connection, 'version' | 'lastRun'>
  readonly instanceHash: string
  readonly catalogHash: string
  readonly destinationFingerprint: string
}

/**
 * `program` alone if another version made the binding. Returns an empty list if the sandbox's report is still
 * what a run would do.
 */
export function findMoved(bound: PromotionBinding, now: PresentState): readonly Moved[] {
  if (bound.format !== bindingFormat) return ['program']
  const moved: Moved[] = []
  if (now.connection.version !== bound.connectionVersion) moved.push('connection')
  if (now.instanceHash !== bound.instanceHash) moved.push('instance')
  if (now.catalogHash !== bound.catalogHash) moved.push('source_schema')
  if (now.destinationFingerprint !== bound.destinationFingerprint) moved.push('destination')
  if ((now.connection.lastRun?.id ?? null) !== bound.lastRun) moved.push('run')
  return moved
}

/**
 * The parts that may have changed between a sandbox and its promotion. `program`: a version cannot compare
 * the hashes of another version.
 */
export type Moved = 'connection' | 'instance' | 'source_schema' | 'destination' | 'run' | 'program'
