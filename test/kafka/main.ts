import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startKafkaBroker } from './broker.ts'

// `npm run kafka [-- --data DIR --port N]`: a broker in the foreground, until Ctrl-C. Its data stays in the
// folder.
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'data/kafka' },
    port: { type: 'string', default: '9092' },
  },
})
const broker = await startKafkaBroker({ dataDir: values.data, port: Number(values.port) })
process.stdout.write(`KAFKA_BROKERS=${broker.brokers.join(',')}\n`)
const keepAlive = setInterval(() => undefined, 60_000)
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
await Promise.race(signals.map((signal) => once(process, signal)))
clearInterval(keepAlive)
await broker.stop()
