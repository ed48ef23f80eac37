/** What a request is about, and the right that it needs, as Kafka's ACLs call it. */
export interface RequestedResource {
  readonly kind: 'topic' | 'transactional id'
  readonly name: string
  /** `Write`, `DescribeConfigs`. */
  readonly operation: string
}

/** What the brokers refused, with its name: they only say of which kind it is. */
export class NamedRefusal extends Error {
  readonly resource: RequestedResource

  constructor(resource: RequestedResource, cause: Error) {
    super(cause.message, { cause })
    this.name = 'NamedRefusal'
    this.resource = resource
  }
}
