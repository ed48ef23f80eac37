import type { JsonObject } from '../../protocol/index.ts'

/** Secrets of a configuration: from JSON pointer (`/credentials/client_secret`, `/keys/0`) to value. So they are kept in the vault. */
export type Secrets = JsonObject

export interface SplitConfig {
  /** Without secrets. Where one was the item of a list, null keeps its place. */
  readonly config: JsonObject
  readonly secrets: Secrets
}
