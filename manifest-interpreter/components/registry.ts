import { authenticators } from './auth/registered.ts'
import { decoders } from './decoders/registered.ts'
import { extractors } from './extractors/registered.ts'
import { paginationStrategies, paginators } from './paginators/registered.ts'
import { partitionRouters } from './partition-routers/registered.ts'
import { recordFilters, recordSelectors } from './record-selection/registered.ts'
import { backoffStrategies, errorHandlers, requesters } from './requesters/registered.ts'
import { retrievers } from './retrievers/registered.ts'
import { schemaLoaders } from './schema/registered.ts'
import { streams } from './streams/registered.ts'
import { transformations } from './transformations/registered.ts'
import type { Component, Roles } from '../component.ts'

type Registry = { readonly [Role in keyof Roles]: ReadonlyMap<string, Component<Role>> }

/** Builders by role and type name, as Airbyte names the types. */
export const registry: Registry = {
  authenticator: authenticators,
  requester: requesters,
  errorHandler: errorHandlers,
  backoffStrategy: backoffStrategies,
  decoder: decoders,
  extractor: extractors,
  recordSelector: recordSelectors,
  recordFilter: recordFilters,
  transformation: transformations,
  schemaLoader: schemaLoaders,
  paginator: paginators,
  paginationStrategy: paginationStrategies,
  partitionRouter: partitionRouters,
  retriever: retrievers,
  stream: streams,
}
