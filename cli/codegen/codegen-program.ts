import type { Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import type { CodegenFlags } from './codegen-command.ts'

// Loaded when one of them runs: help and completion need none.
const command = () => import('./codegen-command.ts')

/** `reactor connect codegen`. */
export function codegenCommand(connect: Command, ask: AskService): void {
  serviceCommand(connect, 'codegen', 'write a typed client of an instance: one TypeScript file')
    .requiredOption('--instance <NAME>', 'the instance to generate the client for')
    .requiredOption('--out <FILE|->', 'the TypeScript file; -: standard output')
    .option('--refresh', 'query the source even if a discovery is cached')
    .option('--check', 'write nothing; exit code 1 if the file is not up to date')
    .option('--force', 'replace a file that codegen did not write')
    .addHelpText('after', examples)
    .action(async (flags: CommonFlags & CodegenFlags) =>
      ask(flags, async (context) => (await command()).generateClientFile(context, flags)),
    )
}

const examples = `
Examples:
  $ reactor connect codegen --instance shop-db --out src/connect/shop-db.ts
  $ reactor connect codegen --instance shop-db --out src/connect/shop-db.ts --check    # in CI

docs/codegen.md shows how to use the client.`
