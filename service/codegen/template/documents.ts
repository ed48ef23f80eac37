import { z } from 'zod'
import { connectionDocument } from '../../http/wire/connection.ts'
import { checkDocument, discoveredDocument } from '../../http/wire/instance.ts'
import { runDocument } from '../../http/wire/run.ts'
import { finishedSandboxDocument, promotionDocument } from '../../http/wire/sandbox.ts'
import type { ErrorCodeName } from '../../../protocol/index.ts'

/** The service's documents that a client gives back: their types in it are made from these schemas. */
export const clientDocuments = z.object({
  check: checkDocument,
  connection: connectionDocument,
  discovered: discoveredDocument,
  promotion: promotionDocument,
  run: runDocument,
  sandbox: finishedSandboxDocument,
})

/** As the template sees them; a client has them as the schemas say. */
export type ConnectionStatus = z.output<typeof checkDocument>
export type Connection = z.output<typeof connectionDocument>
export type Discovered = z.output<typeof discoveredDocument>
export type FinishedSandbox = z.output<typeof finishedSandboxDocument>
export type Promotion = z.output<typeof promotionDocument>
export type Run = z.output<typeof runDocument>
export type ErrorCode = ErrorCodeName
