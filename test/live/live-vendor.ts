import type { JsonObject } from '../../protocol/index.ts'
import type { ActionSession } from './action-session.ts'

/**
 * One vendor of `npm run test:live`. The pass itself is the same for all vendors (run-pass.ts); a vendor says
 * how its account is found, and in which order its actions can be tried without harm.
 */
export interface LiveVendor {
  /** The type of the connector. */
  readonly type: string
  /** Variables of the environment that hold the account. The first one is the key. */
  readonly variables: readonly string[]
  /** The reason why this account must not be used, as a sentence. */
  refusal(environment: LiveEnvironment): string | undefined
  configOf(environment: LiveEnvironment): JsonObject
  /** The same configuration with a key that the vendor does not know. */
  withWrongKey(config: JsonObject): JsonObject
  /** The address of the API if the configuration names none. */
  readonly apiUrl: string
  /** An action that only reads, and an input of it. */
  readonly probe: (environment: LiveEnvironment) => {
    readonly action: string
    readonly input: JsonObject
  }
  /** How far before the newest record a later read begins again, in seconds. */
  overlapSeconds(stream: string): number
  /** A field of the records: each of its values has a cursor of its own. */
  readonly partitionField?: string
  readonly sequences: readonly Sequence[]
  /** Actions that are never tried, with the reason. */
  readonly untried: Readonly<Record<string, string>>
}

/** The values of the variables, by their names. */
export type LiveEnvironment = Readonly<Record<string, string>>

/**
 * Actions that belong together: what the first one creates, the others read and change, and the clean-up
 * removes.
 */
export interface Sequence {
  readonly title: string
  /**
   * The thing that stays in the account because no action removes it. Such a sequence runs only on request.
   */
  readonly leaves?: string
  run(session: ActionSession, environment: LiveEnvironment): Promise<void>
}
