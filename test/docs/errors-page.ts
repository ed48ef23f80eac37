import { readFileSync } from 'node:fs'
import { codesByArea } from '../../protocol/errors/codes.ts'
import type { ErrorCode } from '../../protocol/index.ts'

const titles = {
  access: 'Access',
  action: 'Actions',
  cli: 'Command line',
  credentials: 'Credentials and the vault',
  destination: 'Destinations',
  http: 'HTTP API',
  log: 'The log and Kafka',
  platform: 'The service and its parts',
  registry: 'The schema registry of a topic',
  resource: 'Instances, connections and sandboxes',
  run: 'Runs',
  source: 'Sources',
  topic: 'Topics as a destination',
  webhook: 'Webhooks: receivers, what comes in, where it goes',
} satisfies Record<keyof typeof codesByArea, string>

const heading = '## Every error\n'

/** docs/errors/README.md: what is written by hand stays, and below it is every code with its message. */
export function errorsPage(file: string): string {
  const [byHand = ''] = readFileSync(file, 'utf8').split(heading)
  const titleOf = new Map<string, string>(Object.entries(titles))
  const areas = Object.entries(codesByArea).map(([area, codes]) => {
    const rows = Object.entries<ErrorCode>(codes).map(([code, { message }]) => row(code, message))
    return `### ${titleOf.get(area) ?? area}\n\n| code | message |\n|---|---|\n${rows.join('')}`
  })
  return `${byHand}${heading}\nA name in braces stands for a fact of the failure.\n\n${areas.join('\n')}`
}

function row(code: string, message: string): string {
  return `| [\`${code}\`](${code}.md) | ${message.replaceAll('|', '\\|')} |\n`
}
