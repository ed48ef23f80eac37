import type { Command } from 'commander'
import { serviceCommand } from '../client/service-command.ts'
import type { DoctorFlags } from './doctor-command.ts'

/** `reactor connect doctor`. */
export function doctorCommand(connect: Command, run: (flags: DoctorFlags) => Promise<void>): void {
  serviceCommand(
    connect,
    'doctor',
    'check this machine, the settings, the servers that they name, and the service',
  )
    .option('--config <FILE>', 'settings of the service in TOML; default: REACTOR_CONNECT_CONFIG')
    .option('--data-dir <FOLDER>', 'the data folder of the service; default: from the settings')
    .addHelpText('after', examples)
    .action(run)
}

const examples = `
Examples:
  $ reactor connect doctor
  $ reactor connect doctor --data-dir /srv/connect
  $ reactor connect doctor --json | jq '.[] | select(.status != "ok")'

Exit codes: 0 nothing failed   1 something failed`
