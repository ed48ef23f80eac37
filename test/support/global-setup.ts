import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../service/platform/postgres/embedded-postgres.ts'
import { givenOrStartedBroker } from '../kafka/broker.ts'
import { createMetadataTemplate } from './metadata-template.ts'
import { buildProgram } from './program.ts'
import { testSettings, type PostgresAddress } from './postgres.ts'
import { folderInMemory } from './temporary-folder.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: PostgresAddress
    kafkaBrokers: string[]
  }
}

/**
 * Starts the servers that all integration tests share, once. A run of unit tests alone does not come here.
 */
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
  const folder = servers.use(await folderInMemory('shared-postgres'))
  const postgres = await startEmbeddedPostgres({
    dataDir: folder.path,
    settings: {
      ...testSettings,
      ...{ fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
      // Its workers would go through the databases of tests that have ended.
      autovacuum: 'off',
    },
  })
  servers.use(postgres)
  await createMetadataTemplate(postgres.address)
  return postgres.address
}

async function sharedKafka(servers: AsyncDisposableStack): Promise<readonly string[]> {
  // Nobody kills it, but two cores may be busy for seconds.
  const options = { isShortLived: true, sessionTimeoutMs: 60_000 }
  return servers.use(await givenOrStartedBroker(undefined, options)).brokers
}
