import type { Command } from 'commander'

/** `reactor connect vault rotate-key …` as it was parsed. */
export interface RotateKeyFlags {
  readonly json?: true
  readonly config?: string
  readonly dataDir?: string
}

/** `reactor connect vault …`: they work on the data folder of a service, on its machine. */
export function vaultCommand(
  connect: Command,
  rotateKey: (flags: RotateKeyFlags) => Promise<void>,
): void {
  connect
    .command('vault')
    .description('manage the embedded vault, which stores credentials')
    .command('rotate-key')
    .description('encrypt all credentials with a new key, on the machine of the service')
    .option('--config <FILE>', 'settings of the service in TOML; default: REACTOR_CONNECT_CONFIG')
    .option('--data-dir <FOLDER>', 'the data folder of the service; default: from the settings')
    .option('--json', 'what was done, as JSON')
    .addHelpText('after', examples)
    .action(rotateKey)
}

const examples = `
Examples:
  $ reactor connect vault rotate-key
  $ reactor connect vault rotate-key --data-dir /srv/connect

A running service continues with the new key. The next start or rotation finishes one that was interrupted.
The exit code is 3 if files are damaged or cannot be read: they are named and left as they are, and everything else has
the new key. The old key stays in the folder while a file cannot be read, or one that was replaced earlier may need it.
Run it as the user of the service.
docs/credentials.md describes the vault, and how a key of your own is changed.`
