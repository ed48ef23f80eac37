import type { JsonObject } from '../../protocol/index.ts'

/** Gives what is to be kept, null if it is to stay. */
export type ConfigChange = (stored: JsonObject) => Promise<JsonObject | null>

export interface ResolvedConfig {
  /** By which the engine finds the connector: not always the type of the instance. */
  readonly type: string
  readonly config: JsonObject
  /** The texts in it that no log, error or message may hold: see `platform/secrets/secret-texts.ts`. */
  readonly secrets: readonly string[]
}

/** Where what a connector changes of its configuration is kept: `InstanceService` says what each does. */
export interface ChangedConfigs {
  keepConfig(name: string, config: JsonObject, resolved: JsonObject): Promise<void>
  changeConfig(name: string, resolved: JsonObject, change: ConfigChange): Promise<JsonObject>
}
