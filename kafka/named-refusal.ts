/** The resource of a request, and the right that it needs, as Kafka's ACLs call it. */
export interface RequestedResource {
  readonly kind: 'topic' | 'transactional id'
  readonly name: string
  /** `Write`, `DescribeConfigs`. */
  readonly operation: string
}

/** The resource that the brokers refused, with its name: they only report its kind. */
export class NamedRefusal extends Error {
  readonly resource: RequestedResource

  constructor(resource: RequestedResource, cause: Error) {
    super(cause.message, { cause })
    this.name = 'NamedRefusal'
    this.resource = resource
  }
}
