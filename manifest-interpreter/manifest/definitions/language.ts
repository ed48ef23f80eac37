import { authenticatorDefinitions } from './authenticators.ts'
import { cursorDefinitions } from './cursors.ts'
import { decoderDefinitions } from './decoders.ts'
import { errorHandlerDefinitions } from './error-handlers.ts'
import { partitionRouterDefinitions } from './partition-routers.ts'
import { recordDefinitions } from './records.ts'
import { requesterDefinitions } from './requesters.ts'
import { retrieverDefinitions } from './retrievers.ts'
import { schemaLoaderDefinitions } from './schema-loaders.ts'
import type { Shape, TypedDefinition } from './shape.ts'
import { sourceDefinitions } from './source.ts'
import { specDefinitions } from './spec.ts'
import { streamDefinitions } from './streams.ts'
import { transformationDefinitions } from './transformations.ts'

/** Every component that a manifest may hold, by name. */
export const language: ReadonlyMap<string, Shape | TypedDefinition> = new Map(
  [
    sourceDefinitions,
    specDefinitions,
    streamDefinitions,
    retrieverDefinitions,
    requesterDefinitions,
    errorHandlerDefinitions,
    authenticatorDefinitions,
    partitionRouterDefinitions,
    cursorDefinitions,
    decoderDefinitions,
    recordDefinitions,
    transformationDefinitions,
    schemaLoaderDefinitions,
  ].flatMap((definitions) => Object.entries(definitions)),
)
