import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../service/platform/postgres/embedded-postgres.ts'
import { givenOrStartedBroker } from '../kafka/broker.ts'
import { createMetadataTemplate } from './metadata-template.ts'
import { buildProgram } from './program.ts'
import { testSettings, type PostgresAddress } from './postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: PostgresAddress
    kafkaBrokers: string[]
  }
}

/** Starts the servers that all integration tests share, once. A run of unit tests alone does not come here. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await using servers = new AsyncDisposableStack()
  const [postgres, brokers, program] = await Promise.all([
    sharedPostgres(servers),
    sharedKafka(servers),
    buildProgram(),
  ])
  project.provide('program', program)
  project.provide('postgres', postgres)
  project.provide('kafkaBrokers', [...brokers])
  const running = servers.move()
  return async () => running.disposeAsync()
}

async function sharedPostgres(servers: AsyncDisposableStack): Promise<PostgresAddress> {
  const dataDir = await mkdtemp(join(tmpdir(), 'reactor-connect-shared-postgres-'))
  servers.defer(async () => rm(dataDir, { recursive: true, force: true }))
  const postgres = await startEmbeddedPostgres({
    dataDir,
    settings: { ...testSettings, fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  })
  servers.use(postgres)
  await createMetadataTemplate(postgres.address)
  return postgres.address
}

async function sharedKafka(servers: AsyncDisposableStack): Promise<readonly string[]> {
  return servers.use(await givenOrStartedBroker(undefined, { isShortLived: true })).brokers
}
