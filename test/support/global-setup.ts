import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../service/postgres/embedded-postgres.ts'
import { testSettings, type PostgresAddress } from './postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: PostgresAddress
    kafkaBrokers: readonly string[]
  }
}

/** Starts the servers that all integration tests share, once. A run of unit tests alone does not come here. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'reactor-connect-shared-postgres-'))
  const postgres = await startEmbeddedPostgres({
    dataDir,
    settings: { ...testSettings, fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  })
  project.provide('postgres', postgres.address)
  return async () => {
    await postgres.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
