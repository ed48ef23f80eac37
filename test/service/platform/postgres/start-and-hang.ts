import { startEmbeddedPostgres } from '../../../../service/platform/postgres/embedded-postgres.ts'

// A program with an embedded server, for tests that end it in every way: `node start-and-hang.ts DIR
// hang|exit`.
const [dataDir = '', then] = process.argv.slice(2)
const server = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } })
process.stdout.write(`${server.pid}\n`)
if (then === 'hang') setInterval(() => undefined, 60_000)
