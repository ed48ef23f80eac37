import type { Command } from 'commander'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { limitOption } from '../options.ts'
import type { SchemaFlags } from './schema-commands.ts'

// Loaded when one of them runs: help and completion need none.
const schemaCommands = () => import('./schema-commands.ts')

/** `reactor connect schemas …`. */
export function schemasCommand(connect: Command, ask: AskService): void {
  const schemas = connect
    .command('schemas')
    .description('Avro schemas of the records in the topics')
    .addHelpText('after', examples)
  serviceCommand(schemas, 'list', 'list the schemas that streams have had, newest first')
    .option('--connection <NAME>', 'only those of this connection')
    .option('--stream <NAME>', 'only those of streams with this name')
    .addOption(limitOption())
    .action(async (flags: CommonFlags & SchemaFlags) =>
      ask(flags, async (context) => (await schemaCommands()).listSchemas(context, flags)),
    )
  serviceCommand(schemas, 'get', 'the schema that a message’s fingerprint stands for')
    .argument('<FINGERPRINT>', '16 hexadecimal digits')
    .action(async (fingerprint: string, flags: CommonFlags) =>
      ask(flags, async (context) => (await schemaCommands()).getSchema(context, fingerprint)),
    )
}

const examples = `
Examples:
  $ reactor connect schemas list --connection shop
  $ reactor connect schemas get 8f2d0c6a1b3e4f57 > orders.avsc`
