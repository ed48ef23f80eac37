import { settings, type Setting } from './settings.ts'

/**
 * docs/configuration.md. A test compares; `npx vitest run -u --project unit test/service/platform/config`
 * writes it.
 */
export function settingsPage(): string {
  return [introduction, ...settings.map(section), ''].join('\n')
}

/** The settings as `serve --help` lists them. */
export function settingsHelp(): string {
  const width = Math.max(...settings.map(({ variable }) => variable.length))
  const lines = settings
    .filter(({ unused }) => unused === undefined)
    .map(
      ({ variable, description, standard }) =>
        `  ${variable.padEnd(width)}  ${description} [${standard.replaceAll('`', '')}]`,
    )
  return ['Settings (environment, or the file of --config; docs/configuration.md):', ...lines].join(
    '\n',
  )
}

function section(setting: Setting): string {
  const { path, type, standard, description, variable, alias, secret, unused } = setting
  const variables = [variable, alias].filter((name) => name !== undefined)
  return `## \`${path}\`

${description}

- Environment: ${variables.map((name) => `\`${name}\``).join(', else ')}
- Type: ${type}${secret === true ? '; a secret, never shown' : ''}
- Default: ${standard}
${unused === undefined ? '' : `\n${unusedText(unused)}\n`}`
}

function unusedText(unused: NonNullable<Setting['unused']>): string {
  return `Nothing uses it in this version: the start is refused if it would change something. ${unused.instead}`
}

const introduction = `# Configuration

Without any setting \`reactor connect serve\` runs by itself: it brings its own PostgreSQL, log and vault. Every setting can be
given in two ways; if both are given, the environment wins (and a flag of the command line wins over that):

- an environment variable: \`REACTOR_CONNECT_\` and the setting's name in capitals; a list is separated by commas; an empty
  variable counts as not given;
- a TOML file, named by \`--config FILE\` or \`REACTOR_CONNECT_CONFIG\`. Names are those of the headings below, under
  \`[connect]\`; tables of other services in the same file are left alone.

\`\`\`toml
[connect]
bind = "127.0.0.1:8007"
database_url = "postgres://connect:PASSWORD@db.example.com/connect?sslmode=verify-full"
vault_url = "https://vault.example.com:8200"

[connect.kafka]
brokers = ["kafka-1.example.com:9092", "kafka-2.example.com:9092"]

[connect.postgres.warehouse]
url = "postgres://loader:PASSWORD@warehouse.example.com/analytics"
\`\`\`

A wrong value, a name in the file that no setting has, or a setting that has no effect beside the others (\`jobs.api_key\` without \`jobs.url\`) stops
the start with \`setting_invalid\`, which says the name, the place, the value (unless it is a secret) and the fix. Keep secrets in the environment, or make the file readable by the service alone.
A variable that begins with \`REACTOR_CONNECT_\` and is no setting is a warning at the start, and in \`reactor connect doctor\`.
The page is generated from the table in \`service/platform/config/settings.ts\`.
`
