import { destinationFingerprint } from '../../engine/sandbox/destination-fingerprint.ts'
import { runSandbox } from '../../engine/sandbox/run-sandbox.ts'
import type { SandboxEngine } from '../../engine/sandbox/sandbox-report.ts'
import {
  dropSandboxSchema,
  listSandboxSchemas,
  readSandboxRows,
} from '../../engine/sandbox/sandbox-schemas.ts'

/** The engine's part of sandboxes. */
export const sandboxEngine: SandboxEngine = {
  runSandbox,
  dropSandboxSchema,
  listSandboxSchemas,
  readSandboxRows,
  destinationFingerprint,
}
