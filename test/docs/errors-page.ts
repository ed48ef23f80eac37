import { readFileSync } from 'node:fs'
import { codesByArea } from '../../protocol/errors/codes.ts'
import type { ErrorCode } from '../../protocol/index.ts'

const titles: Readonly<Record<keyof typeof codesByArea, string>> = {
  access: 'Access',
  cli: 'Command line',
  credentials: 'Credentials and the vault',
  destination: 'Destinations',
  http: 'HTTP API',
  log: 'The log and Kafka',
  platform: 'The service and its parts',
  resource: 'Instances, connections and sandboxes',
  run: 'Runs',
  source: 'Sources',
}

const heading = '## Every error\n'

/** docs/errors/README.md: what is written by hand stays, and below it is every code with its message. */
export function errorsPage(file: string): string {
  const [byHand = ''] = readFileSync(file, 'utf8').split(heading)
  const areas = Object.entries(titles).map(([area, title]) => {
    const codes: Readonly<Record<string, ErrorCode>> = codesByArea[area as keyof typeof codesByArea]
    const rows = Object.entries(codes).map(([code, { message }]) => row(code, message))
    return `### ${title}\n\n| code | message |\n|---|---|\n${rows.join('')}`
  })
  return `${byHand}${heading}\nA name in braces stands for a fact of the failure.\n\n${areas.join('\n')}`
}

function row(code: string, message: string): string {
  return `| [\`${code}\`](${code}.md) | ${message.replaceAll('|', '\\|')} |\n`
}
