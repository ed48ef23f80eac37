import type { Component, Roles } from '../contracts.ts'

type Registry = { readonly [Role in keyof Roles]: Map<string, Component<Role>> }

/** Builders by role and type name, as Airbyte names them. Each component file adds no more than its own line here. */
export const registry: Registry = {
  authenticator: new Map(),
  requester: new Map(),
  requestOptions: new Map(),
  errorHandler: new Map(),
  backoffStrategy: new Map(),
  decoder: new Map(),
  extractor: new Map(),
  recordSelector: new Map(),
  recordFilter: new Map(),
  transformation: new Map(),
  schemaLoader: new Map(),
  paginator: new Map(),
  paginationStrategy: new Map(),
  partitionRouter: new Map(),
  retriever: new Map(),
  stream: new Map(),
}
