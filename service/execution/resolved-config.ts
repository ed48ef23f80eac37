import type { JsonObject } from '../../protocol/index.ts'

/** Returns what to store, null if nothing changed. */
export type ConfigChange = (stored: JsonObject) => Promise<JsonObject | null>

export interface ResolvedConfig {
  /** The name by which the engine finds the connector: not always the type of the instance. */
  readonly type: string
  readonly config: JsonObject
  /** The texts in it that no log, error or message may hold: see `platform/secrets/secret-texts.ts`. */
  readonly secrets: readonly string[]
}

/** Stores what a connector changes in its configuration: `InstanceService` describes each method. */
export interface ChangedConfigs {
  keepConfig(name: string, config: JsonObject, resolved: JsonObject): Promise<void>
  changeConfig(name: string, resolved: JsonObject, change: ConfigChange): Promise<JsonObject>
}
