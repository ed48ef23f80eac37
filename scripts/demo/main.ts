import { join } from 'node:path'
import { Command, Option } from 'commander'
import { runDemoToItsEnd } from '../../cli/demo/demo-command.ts'
import { StopSignals } from '../../cli/run/stop-signals.ts'
import { givenOrStartedBroker } from '../../test/kafka/broker.ts'
import { prepareDemoData } from './prepare-data.ts'

type LogName = 'embedded' | 'kafka'

const program = new Command('demo')
  .description(
    'Replicates real public data from one Postgres database to another, changes it, and replicates the change.',
  )
  .addOption(
    new Option('--log <log>', 'the transport').choices(['embedded', 'kafka']).default('embedded'),
  )
  .action(async ({ log }: { readonly log: LogName }) => {
    const dataFolder = join(import.meta.dirname, '../../.build/demo')
    await prepareDemoData(dataFolder)
    using stop = new StopSignals(process, () => undefined)
    const options = { dataFolder, say, signal: stop.signal }
    if (log === 'embedded') {
      process.exitCode = await runDemoToItsEnd(options)
      return
    }
    await using kafka = await givenOrStartedBroker(say)
    process.exitCode = await runDemoToItsEnd({ ...options, brokers: kafka.brokers })
  })

await program.parseAsync()

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
