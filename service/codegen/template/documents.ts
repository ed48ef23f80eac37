import { z } from 'zod'
import { connectionDocument, connectionSummaryDocument } from '../../connections/schema.ts'
import { checkDocument, discoveredDocument } from '../../instances/schema.ts'
import {
  logLineDocument,
  logPageDocument,
  runDocument,
  runSummaryDocument,
} from '../../runs/schema.ts'
import {
  finishedSandboxDocument,
  promotionDocument,
  sandboxDocument,
  sandboxRowsDocument,
  sandboxSummaryDocument,
} from '../../sandboxes/schema.ts'
import type { ErrorCodeName } from '../../../protocol/index.ts'

/** The service's documents that a client returns: its types are made from these schemas. */
export const clientDocuments = z.object({
  check: checkDocument,
  connection: connectionDocument,
  connectionSummary: connectionSummaryDocument,
  discovered: discoveredDocument,
  logLine: logLineDocument,
  logPage: logPageDocument,
  promotion: promotionDocument,
  run: runDocument,
  runSummary: runSummaryDocument,
  finishedSandbox: finishedSandboxDocument,
  sandbox: sandboxDocument,
  sandboxRows: sandboxRowsDocument,
  sandboxSummary: sandboxSummaryDocument,
})

/** As the template sees them; a client has them as the schemas say. */
export type ConnectionStatus = z.output<typeof checkDocument>
export type Connection = z.output<typeof connectionDocument>
export type ConnectionSummary = z.output<typeof connectionSummaryDocument>
export type Discovered = z.output<typeof discoveredDocument>
export type FinishedSandbox = z.output<typeof finishedSandboxDocument>
export type Promotion = z.output<typeof promotionDocument>
export type RunLogLine = z.output<typeof logLineDocument>
export type RunLogPage = z.output<typeof logPageDocument>
export type RunSummary = z.output<typeof runSummaryDocument>
export type Sandbox = z.output<typeof sandboxDocument>
export type SandboxRows = z.output<typeof sandboxRowsDocument>
export type SandboxSummary = z.output<typeof sandboxSummaryDocument>
export type Run = z.output<typeof runDocument>
export type ErrorCode = ErrorCodeName
