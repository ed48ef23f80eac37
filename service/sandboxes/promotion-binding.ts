import type { Connection } from '../connections/schema.ts'

/** The state that a promote token is bound to: everything that decides what a run would do, and the principal who looked at it. */
export interface PromotionBinding {
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

/** Returns an empty list if the sandbox's report is still what a run would do. */
export function findMoved(bound: PromotionBinding, now: PresentState): readonly Moved[] {
  const moved: Moved[] = []
  if (now.connection.version !== bound.connectionVersion) moved.push('connection')
  if (now.instanceHash !== bound.instanceHash) moved.push('instance')
  if (now.catalogHash !== bound.catalogHash) moved.push('source_schema')
  if (now.destinationFingerprint !== bound.destinationFingerprint) moved.push('destination')
  if ((now.connection.lastRun?.id ?? null) !== bound.lastRun) moved.push('run')
  return moved
}

/** The parts that may have changed between a sandbox and its promotion. */
export type Moved = 'connection' | 'instance' | 'source_schema' | 'destination' | 'run'
