import type { Command } from 'commander'
import { commandPath } from '../../cli/parse-command.ts'
import { withSubcommands } from '../../cli/program.ts'
import { documentedProgram } from '../cli/documented-program.ts'

/** docs/cli.md: the text that is written by hand, and the help of every command. */
export function cliPage(): string {
  const program = documentedProgram()
  const shown = withSubcommands(program).filter((command) => isVisible(command))
  return [introduction, ...shown.map(section)].join('\n')
}

function isVisible(command: Command): boolean {
  const { parent } = command
  return parent === null || parent.createHelp().visibleCommands(parent).includes(command)
}

function section(command: Command): string {
  const depth = commandPath(command).split(' ').length
  const heading = '#'.repeat(Math.min(4, depth + 1))
  return `${heading} \`${commandPath(command)}\`\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => 110,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.trimEnd()
}

const introduction = `# The command line

\`reactor connect run FILE\` and \`reactor connect source …\` work without a service. \`reactor connect serve\` is the service. Most of
the other commands use a service over its HTTP API.

From a checkout, the program is started with \`npm run reactor -- …\`, or \`node cli/main.ts …\`; \`npm pack\` makes a package of it, and
\`npm install -g ./reactor-connect-0.1.0.tgz\` puts \`reactor\` on the path, which starts in half the time. This page uses \`reactor\`.

## Which service, and as whom

A command that uses a service finds it in this order:

1. \`--url\` and \`--key\`;
2. \`REACTOR_CONNECT_URL\` and \`REACTOR_CONNECT_API_KEY\`;
3. the login that \`reactor auth login\` has stored (\`~/.config/reactor/login.json\`, readable only by you);
4. the service on this machine: it leaves its address and a key in its data folder (\`local-service.json\`, readable by its
   user alone), so on the same machine, as the same user, nothing has to be set. A service with its own data folder is
   found by \`REACTOR_CONNECT_DATA_DIR\`;
5. \`http://127.0.0.1:8007\`.

A key or login that was stored for one address is never sent to another; an expired login is an error, and nothing else is tried
([identity](identity.md)); redirects are not followed, and a key on the command line causes a
warning: the history of the shell and the list of processes show it.

## What is written

- Results go to standard output; notes, warnings, progress and errors to standard error.
- A list that is too wide for the terminal leaves out its less important columns; ids, times and counts are never cut. In a pipe
  it is whole. Colours appear on a terminal only, and never with \`NO_COLOR\`.
- A command that deletes something asks first. \`--yes\` skips the question, and is needed where there is no terminal.
- Where a command takes a RUN, no id or \`latest\` is the last run of the connection.
- \`--json\` writes the response of the service as it is (a list as one array). An error is \`{"error":{…}}\` with the same
  \`code\`, \`message\`, \`suggested_fix\` and \`docs_url\` as everywhere; [errors](errors/README.md) has a section for each, which comes with the
  program: \`docs:\` and \`docs_url\` name the file on this machine.
- Text of others (messages of a vendor, lines of a log) is shown without control characters.

| Exit code | Meaning |
|---|---|
| 0 | done; with \`--wait\`: the run is complete |
| 1 | failed; \`instances check\`: it does not work; \`doctor\`: something failed |
| 2 | a wrong command line or file: nothing was done; with \`--exit-code\` of \`connections sandbox\`: a run changes something |
| 3 | with \`--wait\`: the run is partial: some streams failed, or records were rejected (the warnings say which); \`connections sandbox\`: a run would fail for a stream; \`vault rotate-key\`: files are damaged or cannot be read; \`compare\`: no row is known to differ, but a stream could not be compared |
| 4 | with \`--wait\`: the run was cancelled at a checkpoint |
| 5 | \`compare\`: rows differ |
| 130 | Ctrl-C; a watched run continues in the service |

## From nothing to a table

\`\`\`sh
reactor connect serve                         # in one terminal; brings its own PostgreSQL
\`\`\`

\`\`\`sh
reactor connect instances create numbers --type faker --config '{"streams": [{"name": "orders", "rows": 1000}]}'
reactor connect instances check numbers
reactor connect instances discover numbers
reactor connect connections create numbers --from numbers --dest data:numbers --schedule "*/15 * * * *" --activate
reactor connect connections runs start numbers --wait
reactor connect connections runs list numbers
\`\`\`

Without \`--activate\` a new connection is inactive, and can be tried out first: [sandbox](sandbox.md).

\`\`\`sh
reactor connect connections sandbox numbers                       # what a run would change, and a token
reactor connect connections promote numbers --token TOKEN         # exactly that, and its first run
\`\`\`

A connector with OAuth is authorized in the browser. The id and the secret of its application are asked for if they are missing:

\`\`\`sh
reactor connect instances create tracker --type linear
reactor connect instances credentials tracker             # opens the browser
\`\`\`

The browser returns to a port of this machine (\`http://127.0.0.1:PORT/callback\`); \`--callback-port\` fixes the port for a
vendor that wants to know it. If the browser runs on another machine, \`--service-callback\` makes it return to the
service, by its \`public_url\`.

## All commands
`
