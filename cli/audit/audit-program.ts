import { Option, type Command } from 'commander'
import { auditOutcomes } from '../../service/platform/audit/schema.ts'
import { serviceCommand, type AskService, type CommonFlags } from '../client/service-command.ts'
import { positiveNumber } from '../options.ts'
import type { AuditFlags } from './audit-command.ts'

// Loaded when one of them runs: help and completion need none.
const command = () => import('./audit-command.ts')

/** As many as are looked at: the log is long. */
const shownByDefault = 100

/** `reactor connect audit`. */
export function auditCommand(connect: Command, ask: AskService): void {
  serviceCommand(connect, 'audit', 'list changes, refused requests and logins, newest first')
    .option('--principal <ID>', 'only of this key or user, or `nobody`')
    .option('--action <ACTION>', 'only this action, such as connections:delete')
    .option(
      '--resource <KIND>',
      'only this kind: instances, connections, runs, api-keys, users, logins',
    )
    .option('--name <NAME>', 'only what was done to this instance, connection, key or user')
    .addOption(
      new Option('--outcome <OUTCOME>', 'only entries with this outcome').choices(auditOutcomes),
    )
    .option('--since <TIME>', 'from this time on, ISO 8601 with its zone: 2026-11-01T00:00:00Z')
    .option('--until <TIME>', 'before this time, written in the same way')
    .addOption(
      new Option('--limit <N>', 'how many at most')
        .argParser(positiveNumber)
        .default(shownByDefault),
    )
    .addHelpText('after', examples)
    .action(async (flags: CommonFlags & AuditFlags) =>
      ask(flags, async (context) => (await command()).listAudit(context, flags)),
    )
}

const examples = `
Examples:
  $ reactor connect audit --outcome denied
  $ reactor connect audit --resource connections --name shop
  $ reactor connect audit --resource logins --outcome failed
  $ reactor connect audit --principal key_01… --since 2026-11-01T00:00:00Z --limit 1000 --json`
