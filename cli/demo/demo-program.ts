import type { Command } from 'commander'

/** `reactor connect demo`. */
export function demoCommand(connect: Command, run: () => Promise<void>): void {
  connect
    .command('demo')
    .description(
      'replicate real public data from one PostgreSQL database to another, then a change',
    )
    .addHelpText('after', about)
    .action(run)
}

const about = `
It starts a PostgreSQL server of its own, loads 268,742 rows of flight data into one database, replicates them into another
one with \`reactor connect run\`, changes the source, replicates the change, and compares all rows. It takes about ten seconds
and leaves nothing behind.

Example:
  $ reactor connect demo`
