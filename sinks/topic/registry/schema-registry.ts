import type { MessageSchema } from '../rows/row-options.ts'

export interface SchemaRegistryOptions {
  /** http or https, with the path that the registry is mounted at. */
  readonly url: string
  readonly username?: string
  readonly password?: string
  readonly signal?: AbortSignal
}

/** A client of Confluent's Schema Registry API. Throws `schema_registry_unreachable`, `schema_registry_refused`, `schema_incompatible`. */
export class SchemaRegistry {
  constructor(options: SchemaRegistryOptions) {
    void options
  }

  /** For `check` of the destination: the registry is there and takes the credentials. */
  async check(): Promise<void> {
    return Promise.resolve()
  }

  /** Registers the schema if it is new, and resolves with its id. The subject is `<topic>-key` or `<topic>-value`. */
  async register(subject: string, schema: MessageSchema): Promise<number> {
    return Promise.reject(new Error(`to come: ${subject} ${schema.type}`))
  }
}
