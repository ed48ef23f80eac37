import { readKeptRows } from '../../sinks/postgres/sandbox/kept-rows.ts'
import * as postgres from '../../sinks/postgres/sandbox/sandbox-schema.ts'
import type { DestinationConfig } from '../run-types.ts'
import type { SandboxRows, SandboxSchema } from './sandbox-report.ts'

/** See SandboxEngine. */
export function dropSandboxSchema(destination: DestinationConfig, id: string): Promise<void> {
  return postgres.dropSandboxSchema(destination, id)
}

/** See SandboxEngine. */
export function listSandboxSchemas(
  destination: DestinationConfig,
): Promise<readonly SandboxSchema[]> {
  return postgres.listSandboxSchemas(destination)
}

/** See SandboxEngine. */
export function readSandboxRows(
  destination: DestinationConfig,
  id: string,
): Promise<readonly SandboxRows[] | undefined> {
  return readKeptRows(destination, id)
}
